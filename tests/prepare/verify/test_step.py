"""A block of `verify`, from files to rows."""

from pathlib import Path

import pytest
from PIL import Image
from prepared_cases import plain, questions_of

from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.rows import CandidatesRow, PromptRow
from lightning_compose.prepare.verify.settings import VerifySettings
from lightning_compose.prepare.verify.step import VerifyInput, VerifyWorker

ANSWERER, SCORER = ModelSettings("prepared_cases.ColorAnswerer"), ModelSettings("prepared_cases.BrightnessScorer")
QUESTIONER, CAPTIONER = ModelSettings("prepared_cases.RingQuestioner"), ModelSettings("prepared_cases.ColorCaptioner")


def input_of(root: Path, key: str, *images: Image.Image, category: str = "color") -> VerifyInput:
    paths = tuple(f"{index}-{key.replace('/', '_')}.webp" for index in range(len(images)))
    for path, image in zip(paths, images, strict=True):
        image.save(root / path, lossless=True, exact=True)
    prompt = PromptRow(key, "A red ring", "A blue ring", category, "single", "writer", 0, questions_of("A red ring"))
    return VerifyInput(key, prompt, CandidatesRow(key, paths, tuple(range(len(paths))), "painter"))


def test_a_block_is_verified_from_its_files(tmp_path):
    worker = VerifyWorker(VerifySettings(ANSWERER, SCORER, QUESTIONER, CAPTIONER), tmp_path)
    rows = [
        input_of(tmp_path, "a/../x", plain("blue", 9), plain("red", 1)),
        input_of(tmp_path, "b", plain("green", 2)),
        input_of(tmp_path, "c", plain("black")),
    ]
    kept, rewritten, failed = worker.block(rows, None)
    assert (kept.key, kept.chosen, kept.candidates[1].image) == ("a/../x", 1, "1-a_.._x.webp")
    assert (rewritten.caption, rewritten.chosen, rewritten.rewritten) == ("A green ring", 0, True)
    assert (failed.chosen, failed.reason) == (None, "rewrite_lost_description")
    assert worker.block(rows, None) == [kept, rewritten, failed]


def test_the_categories_of_the_settings_forgive(tmp_path):
    settings = VerifySettings(ANSWERER, SCORER, least_alignment={"complex": 0.5})
    rows = [input_of(tmp_path, name, plain("blue"), category=name) for name in ("complex", "color")]
    assert [row.chosen for row in VerifyWorker(settings, tmp_path).block(rows, None)] == [0, None]


def test_complex_prompts_are_forgiven_by_default():
    assert VerifySettings(ANSWERER, SCORER).least_alignment == {"complex": 0.9}


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"captioner": CAPTIONER}, "Expected a `questioner` beside the `captioner`"),
        ({"questioner": SCORER}, r"subclass of .*\.Questioner, got"),
        ({"least_alignment": {"complex": 1.5}}, r"`complex` to be a share in \[0, 1\], got 1.5"),
        ({"least_alignment": {"colour": 0.5}}, r"got \['colour'\]"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        VerifySettings(ANSWERER, SCORER, **settings)
