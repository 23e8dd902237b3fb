"""Nouns are found as whole words, in either number."""

import pytest

from lightning_compose.prepare.masks.words import forms, mentions, occurrences


def test_man_is_not_in_woman():
    assert occurrences("A woman with a handbag", "man") == ()
    assert occurrences("A woman beside a MAN", "man") == ((17, 20),)
    assert mentions("Women and a woman", "man") == {}


@pytest.mark.parametrize(
    ("noun", "caption"),
    [
        ("man", "two men"),
        ("child", "two children"),
        ("baby", "two babies"),
        ("knife", "two knives"),
        ("wine glass", "two wine glasses"),
        ("Ring", "two rings"),
    ],
)
def test_a_noun_is_found_in_the_plural(noun, caption):
    assert mentions(caption, noun) == {caption[4:]: ((4, len(caption)),)}


def test_a_noun_may_be_named_in_both_numbers():
    assert mentions("A dog beside two dogs", "dog") == {"dog": ((2, 5),), "dogs": ((17, 21),)}


def test_words_are_no_patterns():
    assert occurrences("a cc book", "c+") == ()
    assert forms("c++") == ("c++", "c++s", "c++es")
