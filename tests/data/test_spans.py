"""Nouns are found as whole words, all of them, and never guessed."""

import pytest

from lightning_compose.data.schema import SampleError
from lightning_compose.data.spans import find_spans


@pytest.mark.parametrize(
    ("caption", "nouns", "expected"),
    [
        ("a man and a woman", ["man", "woman"], [((2, 5),), ((12, 17),)]),
        ("A Cup, a cup; two cups", ["cup"], [((2, 5), (9, 12))]),
        ("a cup on a cup", ["cup", "cup"], [((2, 5),), ((11, 14),)]),
        ("a hot dog and a dog", ["hot dog"], [((2, 9),)]),
        ("a hot-dog (a dog)", ["dog"], [((6, 9), (13, 16))]),
        ("a c++ book", ["c++"], [((2, 5),)]),
        ("die Sch\N{LATIN SMALL LETTER U WITH DIAERESIS}ssel", ["ssel"], None),
        ("a woman", ["man"], None),
        ("a cup", ["cup", "cup"], None),
        ("a cup, a cup, a cup", ["cup", "Cup"], None),
    ],
)
def test_spans_of_nouns(caption, nouns, expected):
    if expected is None:
        with pytest.raises(SampleError, match="Expected"):
            find_spans(caption, nouns)
    else:
        assert find_spans(caption, nouns) == expected
