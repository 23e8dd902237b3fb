"""Letters that people write captions with are drawn, not boxes."""

import pytest

from lightning_compose.data.font import load_font

NO_LETTER = chr(0xE000)


@pytest.mark.parametrize("letter", [chr(code) for code in (0xE9, 0xFC, 0xF1, 0x142, 0x3B1, 0x434, 0x2019, 0x2014)])
def test_letters_beyond_ascii_are_drawn(letter):
    font = load_font(14)
    assert bytes(font.getmask(letter)) != bytes(font.getmask(NO_LETTER))
