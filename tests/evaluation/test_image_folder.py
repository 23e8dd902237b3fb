"""The image of each prompt, by a manifest or by number."""

import json
from dataclasses import replace

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.evaluation.image_folder import find_images
from lightning_compose.evaluation.prompts import BenchmarkPrompt

QUESTIONS = (Question(0, "Is there a ring?", "yes", "entity", ("ring",)),)
PROMPTS = [BenchmarkPrompt("a ring", seed, "color", "seen", QUESTIONS) for seed in (5, 6)]


def test_by_the_manifest_whatever_the_order(tmp_path):
    lines = [json.dumps({"file": f"{seed}.png", "prompt": "a ring", "seed": seed}) for seed in (6, 7, 5)]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines))
    assert find_images(tmp_path, PROMPTS) == [tmp_path / "5.png", tmp_path / "6.png"]


def test_prompts_of_one_seed_have_images_of_their_own(tmp_path):
    rows = [{"file": f"{text}.png", "prompt": text, "seed": 5} for text in ("a heart", "a ring")]
    (tmp_path / "manifest.jsonl").write_text("\n".join(map(json.dumps, rows)))
    prompts = [replace(PROMPTS[0], prompt=text) for text in ("a ring", "a heart")]
    assert find_images(tmp_path, prompts) == [tmp_path / "a ring.png", tmp_path / "a heart.png"]


@pytest.mark.parametrize("names", [("0.png", "1.jpg"), ("00000.png", "00001.png"), ("0.PNG", "1.JPEG")])
def test_by_number(tmp_path, names):
    for name in (*names, "10.png", "notes.txt", "thumb.png"):
        (tmp_path / name).touch()
    assert find_images(tmp_path, PROMPTS) == [tmp_path / name for name in names]


def test_numbers_are_no_texts(tmp_path):
    for number in range(11):
        (tmp_path / f"{number}.png").touch()
    assert find_images(tmp_path, [PROMPTS[0]] * 11) == [tmp_path / f"{number}.png" for number in range(11)]


def test_what_is_missing_is_named(tmp_path):
    (tmp_path / "0.png").touch()
    with pytest.raises(FileNotFoundError, match=r"found none of 1, such as \[1\]"):
        find_images(tmp_path, PROMPTS)
    with pytest.raises(FileNotFoundError, match="Expected a folder of images"):
        find_images(tmp_path / "none", PROMPTS)


def test_a_broken_manifest_is_refused(tmp_path):
    (tmp_path / "manifest.jsonl").write_text("[]\n")
    with pytest.raises(ValueError, match="to be a manifest as predict writes it"):
        find_images(tmp_path, PROMPTS)
