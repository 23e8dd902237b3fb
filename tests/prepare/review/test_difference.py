"""Words that only one of two captions has."""

import pytest

from lightning_compose.prepare.review.difference import with_marks


@pytest.mark.parametrize(
    ("text", "other", "marked"),
    [
        ("a red cup", "a blue cup", "a <mark>red</mark> cup"),
        ("A cup.", "a cup", "A cup<mark>.</mark>"),
        ("a cup", "a cup on a table", "a cup"),
        ("a cup on a table", "a cup", "a cup<mark> on a table</mark>"),
        ("<b> & c", "<b> & d", "&lt;b&gt; &amp; <mark>c</mark>"),
        ("same", "same", "same"),
        ("<i>", "", "<mark>&lt;i&gt;</mark>"),
    ],
)
def test_what_the_other_one_has_not_is_marked(text, other, marked):
    assert with_marks(text, other) == marked
