"""The nouns of questions: those that the embedded world knows to be in its captions, and none in a woman."""

from lightning_compose.data.schema import Noun, Phrase, Question
from lightning_compose.prepare.models.question_nouns import QuestionNouns
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.generate import list_nouns
from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.questions import ask


def find(caption, *questions):
    asked = [Question(index, "?", "yes", kind, arguments) for index, (kind, *arguments) in enumerate(questions)]
    return QuestionNouns().find([caption], [asked])[0]


def test_entities_and_scenes_are_the_nouns_with_their_attributes():
    nouns = find(
        "Two red dogs chase a woman on a beach",
        ("entity", "dog"),
        ("entity", "woman"),
        ("attribute", "dog", "red"),
        ("attribute", "dog", "chasing"),
        ("count", "dog"),
        ("relation", "dog", "chases", "woman"),
        ("scene", "beach"),
    )
    dogs = Noun("dogs", ((8, 12),), (Phrase("red", ((4, 7),)),))
    assert nouns == (dogs, Noun("woman", ((21, 26),)), Noun("beach", ((32, 37),)))


def test_what_the_caption_does_not_name_is_no_noun():
    assert find("A woman", ("entity", "man"), ("scene", "kitchen")) == ()
    assert find("A woman") == ()


def test_each_of_two_nouns_has_its_own_word():
    cup, ring = find(
        "a red cup and a red ring",
        *(("entity", "cup"), ("entity", "ring"), ("attribute", "ring", "color", "red"), ("attribute", "cup", "red")),
    )
    assert (cup.attributes, ring.attributes) == ((Phrase("red", ((2, 5),)),), (Phrase("red", ((16, 19),)),))


def test_the_worlds_own_nouns_and_attributes_are_found():
    for index in range(160):
        pair = draw_pair(3, "train", index)
        caption = phrase(pair.description, pair.style)
        (nouns,) = QuestionNouns().find([caption.text], [ask(pair.description)])
        truth = list_nouns(caption)
        assert [(each.text, each.spans) for each in nouns] == [(each.text, each.spans) for each in truth], caption
        for found, true in zip(nouns, truth, strict=True):
            # "A ring with stripes" is asked about as striped, a word that the caption has not.
            assert set(found.attributes) <= set(true.attributes), caption
            assert {each.text for each in true.attributes} - {each.text for each in found.attributes} <= PATTERNS


PATTERNS = {"stripes", "dots", "checks"}
