"""Blocks: cut by key alone, written as a whole."""

import numpy as np
import pytest
from made_prompts import prompt_row
from PIL import Image

from lightning_compose.prepare.engine.blocks import Block, BlockImages, cut, make
from lightning_compose.prepare.rows import CandidatesRow


class Dropping:
    """Forgets the last row."""

    def block(self, rows, images):
        return [CandidatesRow(row.key, (), (), "plain") for row in rows[:-1]]


class Failing:
    def block(self, rows, images):
        images.save(0, 0, Image.new("RGB", (4, 4)))
        raise ValueError("Expected more.")


def test_the_cut_depends_on_the_keys_alone():
    rows = [prompt_row(key) for key in "gfedcba"]
    blocks = cut(rows, 3)
    assert ["".join(row.key for row in block.rows) for block in blocks] == ["abc", "def", "g"]
    assert cut(rows[::-1], 3) == blocks
    assert [block.name for block in blocks] == ["000000", "000001", "000002"]


def test_images_lose_nothing(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    path = BlockImages(tmp_path / "step", Block(12, ())).save(3, 7, Image.fromarray(pixels))
    assert path == "step/images/000012/0003-07.webp"
    np.testing.assert_array_equal(np.asarray(Image.open(tmp_path / path)), pixels)


@pytest.mark.parametrize(("worker", "message"), [(Dropping(), "a row a row, .* got 1 for 2 rows"), (Failing(), "more")])
def test_a_block_that_fails_leaves_no_rows(tmp_path, worker, message):
    block = Block(0, (prompt_row("a"), prompt_row("b")))
    with pytest.raises(ValueError, match=message):
        make(block, worker, tmp_path)
    assert not block.file(tmp_path).exists()


def test_what_a_kill_left_unfinished_is_removed(tmp_path):
    folder = tmp_path / "images/000000"
    folder.mkdir(parents=True)
    (folder / ".0000-00.webp.4711").write_bytes(b"RIFF")
    make(Block(0, ()), Dropping(), tmp_path)
    assert list(folder.iterdir()) == []
