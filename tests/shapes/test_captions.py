"""Descriptions become natural sentences; a pair's captions differ in the facts alone."""

import re

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.captions import Style, draw_style, phrase
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES

FIRST = Style(form=0.0, synonym=0.0, texture_first=False, texture_as_noun=False, full_stop=True)
LAST = Style(form=0.99, synonym=0.99, texture_first=True, texture_as_noun=True, full_stop=False)
ADJECTIVES = rf"(({'|'.join([*COLORS, *TEXTURES])}) )*"
NOUN = rf"({'|'.join(SHAPES)})"
RING = Group("ring", (0,), "orange", "striped")
STARS = Group("five-pointed star", (1, 2), "red", counted=True)
HEART = Group("heart", (1,), None, "plain")


@pytest.mark.parametrize(
    ("description", "style", "text"),
    [
        (Description((RING,)), FIRST, "An orange striped ring."),
        (Description((RING,)), LAST, "This picture shows an orange ring with stripes"),
        (Description((RING, STARS)), FIRST, "An orange striped ring and two red five-pointed stars."),
        (Description((HEART,)), LAST, "The heart is plain"),
        (Description((HEART,), background="meadow"), LAST, "In a meadow, the heart is plain"),
        (
            Description((RING, HEART), (Relation("left of", 0, 1),)),
            FIRST,
            "An orange striped ring to the left of a plain heart.",
        ),
        (
            Description((RING, HEART), (Relation("larger than", 1, 0),), "night sky"),
            LAST,
            "In a night sky, a plain heart is bigger than an orange ring with stripes",
        ),
        (
            Description((RING, HEART, Group("circle", (2,))), (Relation("above", 0, 2),)),
            FIRST,
            "An orange striped ring, a plain heart and a circle, with the ring above the circle.",
        ),
        (
            Description((RING, HEART, Group("circle", (2,))), (Relation("above", 0, 2),)),
            LAST,
            "An orange ring with stripes is above a circle, along with a plain heart",
        ),
    ],
)
def test_wording(description, style, text):
    assert phrase(description, style).text == text


def test_marks_read_what_they_stand_for(some_pairs):
    for pair in some_pairs:
        caption = phrase(pair.description, pair.style)
        for index, group in enumerate(pair.description.groups):
            noun = caption.nouns[index]
            assert noun.text in (group.shape, group.shape + "s")
            assert all(caption.text[start:end].lower() == noun.text for start, end in noun.spans)
            stated = [value for value in (group.color, group.texture) if value]
            assert len(caption.attributes.get(index, ())) == len(stated)
        assert (len(pair.description.groups) in caption.nouns) == (pair.description.background is not None)


def test_every_mention_of_a_noun_is_marked(some_pairs):
    for pair in some_pairs:
        caption = phrase(pair.description, pair.style)
        marked = sorted(span for noun in caption.nouns.values() for span in noun.spans)
        found = [
            each.span() for each in re.finditer("|".join(rf"\b{shape}s?\b" for shape in SHAPES), caption.text.lower())
        ]
        assert set(found) <= set(marked)


def test_english(some_pairs):
    for pair in some_pairs:
        for description in (pair.description, pair.negative_description):
            text = phrase(description, pair.style).text
            assert text[0].isupper()
            assert not re.search(r"  | [.,]|\b[Aa] [aeiou]|\b[Aa]n [^aeiou]", text), text
            assert not re.search(rf"\b(an?|one) {ADJECTIVES}{NOUN}s\b", text, re.IGNORECASE), text
            assert not re.search(rf"\b(two|three|four|five) {ADJECTIVES}{NOUN}\b", text, re.IGNORECASE), text


def test_the_captions_of_a_pair_differ(some_pairs):
    for pair in some_pairs:
        captions = {phrase(each, pair.style).text for each in (pair.description, pair.negative_description)}
        assert len(captions) == 2


def test_a_color_change_changes_one_word():
    for index in range(30):
        style = draw_style(generator(0, "style", index))
        texts = [phrase(Description((Group("heart", (0,), color),)), style).text for color in COLORS]
        first, *others = (text.lower().replace(" an ", " a ").removeprefix("an ").removeprefix("a ") for text in texts)
        for text, color in zip(others, list(COLORS)[1:], strict=True):
            assert first.replace("red", color) == text


def test_captions_vary(train_pairs):
    texts = {phrase(pair.description, pair.style).text for pair in train_pairs}
    assert len(texts) > 0.85 * len(train_pairs)
