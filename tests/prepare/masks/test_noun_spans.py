"""One noun for all mentions of the same words, and which word describes which noun."""

import pytest

from lightning_compose.data.schema import Annotation, Noun, Phrase
from lightning_compose.prepare.masks.noun_spans import described, united
from lightning_compose.prepare.masks.words import occurrences


def noun(caption, words, start=0, attribute=None):
    start = caption.index(words, start)
    phrases = [caption.index(attribute)] if attribute else []
    attributes = tuple(Phrase(attribute, ((each, each + len(attribute)),)) for each in phrases)
    return Noun(words, ((start, start + len(words)),), attributes)


def test_two_phrases_of_one_noun_unite():
    caption = "Cup and saucer beside a blue cup"
    nouns = united([noun(caption, "cup", attribute="blue"), noun(caption, "saucer"), noun(caption, "Cup")])
    assert [(each.text, each.spans) for each in nouns] == [("Cup", ((0, 3), (29, 32))), ("saucer", ((8, 14),))]
    assert nouns[0].attributes == (Phrase("blue", ((24, 28),)),)
    assert Annotation(caption, "single", nouns=nouns).nouns == nouns


def test_a_mention_within_a_longer_noun_is_none():
    caption = "a hot dog for the dog"
    nouns = united([noun(caption, "dog"), noun(caption, "hot dog"), noun(caption, "dog", start=10)])
    assert [(each.text, each.spans) for each in nouns] == [("hot dog", ((2, 9),)), ("dog", ((18, 21),))]
    assert united([noun("a hot dog", "dog"), noun("a hot dog", "hot dog")]) == (Noun("hot dog", ((2, 9),)),)


@pytest.mark.parametrize(
    ("caption", "of_cup", "of_ring"),
    [
        ("a red cup and a red ring", 2, 16),
        ("the cup is red and the ring is red", 11, 31),
        ("a red yellow cup and a red ring", 2, 23),
        ("a red cup, a ring", 2, None),
        ("a cup and a ring, both red", None, 23),
    ],
)
def test_a_word_describes_the_noun_it_stands_by(caption, of_cup, of_ring):
    cup, ring, red = (occurrences(caption, each) for each in ("cup", "ring", "red"))
    starts = [each and each[0] for each in described(red, [cup, ring], [*cup, *ring])]
    assert starts == [of_cup, of_ring]


def test_a_word_that_describes_one_of_two_nouns_is_that_nouns():
    cup, ring = ((8, 11),), ((20, 24),)
    assert described([(2, 7)], [cup], [*cup, *ring]) == [(2, 7)]
    assert described([(2, 7)], [ring], [*cup, *ring]) == [None]


def test_a_word_within_a_noun_describes_nothing():
    assert described([(2, 5)], [[(2, 9)]], [(2, 9)]) == [None]
    assert described([], [[(2, 9)]], [(2, 9)]) == [None]
