"""A block of `negatives`, from files to files and rows."""

import pytest
from prepared_cases import plain, questions_of

from lightning_compose.prepare.image_seeds import image_seeds
from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.negatives.settings import NegativesSettings
from lightning_compose.prepare.negatives.step import NegativesInput, NegativesWorker
from lightning_compose.prepare.rows import Judged, PromptRow, VerifiedRow

EMBEDDER, EDITOR = ModelSettings("prepared_cases.PixelEmbedder"), ModelSettings("prepared_cases.BlueEditor")
QUESTIONER = ModelSettings("prepared_cases.RingQuestioner")
PAINTER, ANSWERER = ModelSettings("prepared_cases.SeedPainter"), ModelSettings("prepared_cases.ColorAnswerer")


class Saved(dict):
    """Images by row and candidate, in place of files."""

    def save(self, row, candidate, image):
        self[row, candidate] = image
        return f"negatives/{row}-{candidate}.webp"


def input_of(root, key, prompt="A red ring", negative="A green ring", caption=None, chosen=0, category="scene"):
    shown = caption or prompt
    plain(shown.split()[1]).save(root / "positive.webp", lossless=True)
    candidate = Judged("positive.webp", 0, ("Yes.", "Yes."), 1.0, True, 1.0)
    verified = VerifiedRow(key, shown, questions_of(shown), (candidate,), chosen, caption is not None, None, {})
    return NegativesInput(key, PromptRow(key, prompt, negative, category, "single", "writer", 0), verified)


def worker(root, questioner=None, **changes):
    settings = NegativesSettings(EMBEDDER, per_positive=6, **changes)
    return NegativesWorker(settings, PAINTER, ANSWERER, questioner, root, seed=3)


def test_a_block_keeps_the_most_similar_that_violates(tmp_path):
    images = Saved()
    rows = worker(tmp_path).block([input_of(tmp_path, key) for key in ("a", "b")], images)
    assert len(images) == 12
    for index, row in enumerate(rows):
        assert [each.seed for each in row.candidates] == list(image_seeds(3, "negatives", row.key, 6))
        assert [each.violates for each in row.candidates] == [each.seed % 3 != 0 for each in row.candidates]
        violating = [each.similarity for each in row.candidates if each.violates]
        assert row.candidates[row.chosen].violates
        assert row.candidates[row.chosen].similarity == max(violating)
        assert (row.method, row.reason, row.caption) == ("generated", None, "A green ring")
        assert row.candidates[1].image == f"negatives/{index}-1.webp"
    assert rows[0].candidates != rows[1].candidates


def test_a_negative_shows_its_own_caption_unless_a_violation_is_enough(tmp_path):
    rows = [input_of(tmp_path, key, negative="A green ring") for key in ("a", "b", "c")]
    chosen = {}
    for shows_own in (True, False):
        found = worker(tmp_path, QUESTIONER, shows_own_caption=shows_own).block(rows, Saved())
        chosen[shows_own] = [row.candidates[row.chosen] for row in found]
        assert found[0].own_questions == questions_of("A green ring")
        assert found[0].models["questioner"] == "ring-questioner"
    assert [each.shows_own for each in chosen[True]] == [True] * 3
    assert [each.seed % 3 for each in chosen[True]] == [1] * 3
    assert {each.seed % 3 for each in chosen[False]} == {1, 2}


def test_where_no_image_shows_the_negative_that_is_the_reason(tmp_path):
    settings = {"editor": EDITOR, "edited_categories": ("scene",)}
    (row,) = worker(tmp_path, QUESTIONER, **settings).block([input_of(tmp_path, "a")], Saved())
    assert (row.chosen, row.reason) == (None, "negative_not_shown")
    (row,) = worker(tmp_path, **settings).block([input_of(tmp_path, "a")], Saved())
    assert row.reason is None


def test_a_row_does_not_depend_on_its_block(tmp_path):
    rows = [input_of(tmp_path, key) for key in ("a", "b")]
    together = worker(tmp_path).block(rows, Saved())
    (alone,) = worker(tmp_path).block(rows[1:], Saved())
    assert [each.similarity for each in alone.candidates] == [each.similarity for each in together[1].candidates]


def test_a_positive_that_nothing_violates_has_its_reason(tmp_path):
    settings = {"editor": EDITOR, "edited_categories": ("scene",)}
    (row,) = worker(tmp_path, **settings).block([input_of(tmp_path, "a", prompt="A blue ring")], Saved())
    assert (row.chosen, row.reason, row.method) == (None, "no_violation", "edited")
    assert row.models == {"answerer": "eye", "embedder": "pixels", "editor": "blue"}


def test_the_opposite_of_a_corrected_caption_is_the_prompt(tmp_path):
    one = input_of(tmp_path, "a", prompt="A red ring", negative="A blue ring", caption="A blue ring")
    (row,) = worker(tmp_path).block([one], Saved())
    assert row.caption == "A red ring"


def test_a_row_without_a_positive_is_refused(tmp_path):
    with pytest.raises(ValueError, match="row 'a' to have a positive, got none"):
        worker(tmp_path).block([input_of(tmp_path, "a", chosen=None)], Saved())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"per_positive": 0}, "`per_positive` to be at least 1"),
        ({"edited_categories": ("colour",)}, r"got \['colour'\]"),
        ({"editor": EMBEDDER}, r"subclass of .*\.Editor, got"),
        ({"questioner": EMBEDDER}, r"subclass of .*\.Questioner, got"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        NegativesSettings(EMBEDDER, **settings)
