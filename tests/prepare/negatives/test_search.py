"""Candidates for a negative: made by drawing or editing, judged by what the positive does better."""

from dataclasses import replace

import pytest
from prepared_cases import BlueEditor, ColorAnswerer, PixelEmbedder, SeedPainter, plain, questions_of

from lightning_compose.prepare.negatives.search import NegativeSearch, Positive

SEEDS = (0, 1, 2)


def positive(category="color", right=(True, True)):
    questions = questions_of("A red ring")
    return Positive("k", category, "A red ring", "A blue ring", questions, right, plain("red"))


def search(**changes):
    return NegativeSearch(SeedPainter(), ColorAnswerer(), PixelEmbedder(), **changes)


def test_the_negative_caption_is_drawn():
    images = search().make(positive(), SEEDS)
    assert [each.getpixel((3, 3)) for each in images] == [(255, 0, 0), (0, 255, 0), (0, 0, 255)]


def test_colors_are_edited_and_scenes_drawn():
    editor = BlueEditor()
    with_editor = search(editor=editor, edited_categories=("color",))
    assert [each.getpixel((3, 3)) for each in with_editor.make(positive(), SEEDS)] == [(0, 0, 255)] * 3
    assert editor.instructions == ["change red ring to blue ring"] * 3
    assert with_editor.names(positive()) == {"answerer": "eye", "embedder": "pixels", "editor": "blue"}
    scene = positive(category="scene")
    assert with_editor.make(scene, SEEDS)[0].getpixel((3, 3)) == (255, 0, 0)
    assert with_editor.names(scene)["painter"] == "seeds"
    assert (with_editor.is_edited(positive()), with_editor.is_edited(scene)) == (True, False)


def test_what_answers_as_the_positive_does_violates_nothing():
    images = [plain("red"), plain("blue"), plain("black")]
    found = search().judge(positive(), images, ["0", "1", "2"], SEEDS)
    assert [each.violates for each in found] == [False, True, True]
    assert [each.answers for each in found] == [("Yes.", "Yes."), ("Yes.", "No."), ("No.", "")]
    assert [(each.image, each.seed) for each in found] == [("0", 0), ("1", 1), ("2", 2)]


def test_what_the_positive_gets_wrong_too_is_no_violation():
    images = [plain("blue"), plain("black")]
    found = search().judge(positive(right=(True, False)), images, ["0", "1"], SEEDS[:2])
    assert [each.violates for each in found] == [False, True]


def test_what_shows_its_own_caption_is_known_where_that_is_asked_about():
    one = replace(positive(), own_questions=questions_of("A blue ring"))
    found = search().judge(one, [plain("red"), plain("blue"), plain("green")], ["0", "1", "2"], SEEDS)
    assert [each.shows_own for each in found] == [False, True, False]
    assert [each.own_answers for each in found] == [("Yes.", "No."), ("Yes.", "Yes."), ("Yes.", "No.")]
    assert [each.violates for each in found] == [False, True, True]
    unasked = search().judge(positive(), [plain("blue")], ["0"], SEEDS[:1])
    assert (unasked[0].shows_own, unasked[0].own_answers) == (None, ())


def test_similarity_is_to_the_positive():
    same, other = search().judge(positive(), [plain("red"), plain("blue")], ["0", "1"], SEEDS[:2])
    assert same.similarity == pytest.approx(1.0)
    # Red and blue of 15 pixels, all by one more: 16 vectors (256, 1, 1) and (1, 1, 256), one of them black.
    assert other.similarity == pytest.approx((15 * 513 + 3) / (15 * 65538 + 3), rel=1e-5)
