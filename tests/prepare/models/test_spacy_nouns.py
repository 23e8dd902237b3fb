"""spaCy's own small English model finds the nouns of captions."""

import pytest

from lightning_compose.prepare.masks.noun_spans import united
from lightning_compose.prepare.models.spacy_nouns import SpacyNouns

CAPTIONS = {
    "A man riding a wave on top of a surfboard.": {"man": [], "wave": [], "surfboard": []},
    "A woman holding a red umbrella next to a fire hydrant.": {"woman": [], "umbrella": ["red"], "fire hydrant": []},
    "Two dogs and a brown cat to the left of a wooden bench": {"dogs": [], "cat": ["brown"], "bench": ["wooden"]},
    "A group of people standing in front of a building": {"people": [], "building": []},
    "A picture of a small white dog in the background": {"dog": ["small", "white"]},
    "It is raining.": {},
    "A cup of coffee and another cup on the table": {"cup": [], "coffee": [], "table": []},
    "A teddy bear sits on a bed.": {"teddy bear": [], "bed": []},
    "A large elephant walks past a small car.": {"elephant": ["large"], "car": ["small"]},
}


@pytest.fixture(scope="module")
def finder():
    return SpacyNouns()


def test_the_nouns_of_captions_are_found_and_no_places_or_amounts(finder):
    found = finder.find(list(CAPTIONS), [()] * len(CAPTIONS))
    for nouns, expected in zip(found, CAPTIONS.values(), strict=True):
        assert {each.text: [word.text for word in each.attributes] for each in united(nouns)} == expected


def test_spans_read_what_they_say_and_mentions_unite(finder):
    (nouns,) = finder.find(["A cup of coffee and another cup on the table"], [()])
    cup = united(nouns)[0]
    assert (cup.text, cup.spans) == ("cup", ((2, 5), (28, 31)))


def test_stop_words_may_be_ones_own():
    (nouns,) = SpacyNouns(stop_words=["dog"]).find(["Dogs to the left of a cat"], [()])
    assert [each.text for each in nouns] == ["left", "cat"]
    assert SpacyNouns(name="mine").name == "mine"
