"""Spans are exact by construction."""

from lightning_compose.data.schema import Phrase
from lightning_compose.shapes.palette import BACKGROUNDS, COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.phrases import Marked, article, enumerate_phrases, fill, finish, plural


def test_marked_words_know_their_spans():
    heart = ["a ", Marked("red", 0), " ", Marked("heart", 0, is_noun=True)]
    fragments = fill("{one} and the {two}", {"one": heart, "two": [Marked("heart", 0, is_noun=True)]})
    caption = finish(fragments, full_stop=True)
    assert caption.text == "A red heart and the heart."
    assert caption.nouns == {0: Phrase("heart", ((6, 11), (20, 25)))}
    assert caption.attributes == {0: (Phrase("red", ((2, 5),)),)}


def test_a_word_inside_another_is_not_found():
    fragments = ["redness and a ", Marked("red", 0), " ", Marked("ring", 0, is_noun=True), " earring"]
    caption = finish(fragments, full_stop=False)
    assert caption.attributes[0][0].spans == ((14, 17),)
    assert caption.nouns[0].spans == ((18, 22),)


def test_phrases_are_enumerated():
    def text(*phrases):
        return finish(enumerate_phrases([[each] for each in phrases]), full_stop=False).text

    assert text("a") == "A"
    assert text("a", "b") == "A and b"
    assert text("a", "b", "c") == "A, b and c"


def test_articles_fit_every_word_they_can_meet():
    words = [*COLORS, *TEXTURES, *SHAPES, *BACKGROUNDS]
    assert {word for word in words if article(word) == "an"} == {"orange"}


def test_plurals():
    assert plural("crescent moon") == "crescent moons"
