"""Words stay whole, lines stay in their width, colours stay with their words."""

import numpy as np
from PIL import Image, ImageDraw

from lightning_compose.data.colored_text import Word, paragraph

TEXT = "a red cup stands beside a very large yellow dog on the green grass of a park"


def drawn(text, width=240, height=200):
    image = Image.new("RGB", (width, height), "white")
    text.draw(ImageDraw.Draw(image), 10, 5)
    return np.asarray(image)


def test_no_line_is_wider_than_asked_for():
    text = paragraph([Word(word) for word in TEXT.split()], width_px=120)
    assert len(text.lines) > 3
    assert [word.text for line in text.lines for word in line] == TEXT.split()
    rows, columns = np.nonzero(drawn(text).min(axis=2) < 255)
    assert columns.min() >= 9
    assert columns.max() < 10 + 120
    assert rows.max() < 5 + text.height_px


def test_a_word_wider_than_a_line_gets_its_own():
    text = paragraph([Word("a"), Word("m" * 40), Word("b")], width_px=50)
    assert [len(line) for line in text.lines] == [1, 1, 1]


def test_what_follows_a_word_is_black_and_in_the_line():
    pixels = drawn(paragraph([Word("red", (255, 0, 0), tail="mmm"), Word("end")], width_px=200)).astype(int)
    red = np.nonzero(pixels[:, :, 0] - pixels[:, :, 2] > 60)[1]
    black = np.nonzero(pixels.max(axis=2) < 90)[1]
    assert red.max() < black.min() < red.max() + 5
    whole = paragraph([Word("redmmm"), Word("end")], width_px=200)
    assert np.nonzero(drawn(whole).max(axis=2) < 90)[1].max() == black.max()
    assert len(paragraph([Word("a", tail="m" * 40), Word("b")], width_px=50).lines) == 2


def test_words_have_their_colors():
    pixels = drawn(paragraph([Word("red", (255, 0, 0)), Word("black")], width_px=200)).astype(int)
    red = np.nonzero(pixels[:, :, 0] - pixels[:, :, 2] > 60)[1]
    black = np.nonzero(pixels.max(axis=2) < 90)[1]
    assert red.max() < black.min()
