"""From images to scores and metrics: every image to its split, every measure to its images."""

from dataclasses import replace

import pytest
from PIL import Image
from pixel_judge import PixelJudge
from tiny_clip import save_tiny_clip

from lightning_compose.data.schema import Question
from lightning_compose.evaluation.clip import Clip
from lightning_compose.evaluation.judge import Judge
from lightning_compose.evaluation.measure import Measurement
from lightning_compose.evaluation.prompts import BenchmarkPrompt
from lightning_compose.metrics.kid import ImageTower, KernelInceptionDistance


def prompt(category="color", split="seen", objects=1, stage="single", text="a"):
    questions = tuple(Question(index, "?", "yes", "entity", ("ring",)) for index in range(objects))
    return BenchmarkPrompt(text, 0, category, split, questions, stage)


class Recorder(PixelJudge):
    """Keeps which image was asked by which prompt."""

    def __init__(self):
        self.asked = []

    def judge(self, images, prompts):
        self.asked.append([(each, asked.prompt) for each, asked in zip(images, prompts, strict=True)])
        return super().judge([image(True)] * len(images), prompts)


def image(*even: bool):
    """What `PixelJudge` answers so: each question in turn."""
    picture = Image.new("RGB", (16, 16))
    values = bytes([0, *(0 if each else 1 for each in even)]).ljust(16 * 16 * 3, b"\x01")
    picture.frombytes(values)
    return picture


def measure(prompts, images, **settings):
    measurement = Measurement(prompts, PixelJudge(), **settings)
    measurement.add(range(len(prompts)), images, [""] * len(prompts))
    return measurement.compute()


def test_splits_stand_apart():
    prompts = [prompt(), prompt(), prompt(split="held_out")]
    measured = measure(prompts, [image(True), image(False), image(True)])
    assert measured["accuracy/color"] == measured["accuracy/mean"] == 0.5
    assert measured["accuracy/color/held_out"] == 1.0


def test_multigen_counts_objects_and_nothing_else_counts_for_it():
    five = [prompt("multigen", objects=5, stage="complex")] * 2
    measured = measure([*five, prompt()], [image(1, 1, 0, 1, 0), image(1, 0, 0, 1, 0), image(False)])
    assert {name: measured[name] for name in ("mg2", "mg3", "mg4", "mg5")} == {"mg2": 1, "mg3": 0.5, "mg4": 0, "mg5": 0}
    assert measured["accuracy/mean"] == 0.0
    assert set(measured) == {"accuracy/color", "accuracy/mean", "accuracy_by_stage/single", "mg2", "mg3", "mg4", "mg5"}


def blind(prompts, images):
    measured = measure(prompts, images)
    return {name: value for name, value in measured.items() if "blind" in name}


def test_blind_multigen_is_asked_what_the_next_prompt_of_its_split_asks():
    split_of = {"a": "seen", "b": "held_out", "c": "seen", "d": "held_out", "e": "seen"}
    texts = [prompt("multigen", split, 5, text=text) for text, split in split_of.items()]
    judge = Recorder()
    measurement = Measurement([prompt(), *texts], judge)
    measurement.add(range(6), ["-", *split_of], [""] * 6)
    assert judge.asked[1] == [("a", "c"), ("b", "d"), ("c", "e"), ("d", "b"), ("e", "a")]


def test_blind_multigen_counts_what_is_right_of_the_other_prompt():
    prompts = [prompt("multigen", objects=5, text="a"), prompt("multigen", objects=2, text="b")]
    assert blind(prompts, [image(1, 1, 0, 1, 1), image(1, 0, 1, 1, 0)]) == {
        "mg2_blind": 1.0,
        "mg3_blind": 0.5,
        "mg4_blind": 0.0,
        "mg5_blind": 0.0,
    }
    held_out = [replace(each, split="held_out") for each in prompts]
    assert blind(held_out, [image(1, 1), image(1, 0, 1)])["mg2_blind/held_out"] == 1.0


def test_another_seed_of_the_same_prompt_is_not_blind():
    alone = [prompt("multigen", objects=5)] * 2
    assert blind(alone, [image(1, 1, 1, 1, 1)] * 2) == {}
    judge = Recorder()
    Measurement([*alone, prompt("multigen", text="b")], judge).add([0], ["a"], [""])
    assert judge.asked[1] == [("a", "b")]


def test_object_accuracy_is_of_prompts_with_two_objects_and_more():
    prompts = [prompt(objects=2), prompt(objects=2), prompt(objects=3), prompt()]
    measured = measure(prompts, [image(1, 1), image(1, 0), image(1, 1, 1), image(False)])
    assert measured["object_accuracy"] == pytest.approx(2 / 3)


def test_stages_are_told_where_they_are_known():
    measured = measure([prompt(stage="complex"), prompt(stage="")], [image(True), image(False)])
    assert {name: value for name, value in measured.items() if "stage" in name} == {"accuracy_by_stage/complex": 1.0}


def test_it_scores_prompts_by_their_index():
    measurement = Measurement([prompt(text="a"), prompt(text="b")], PixelJudge())
    (score,) = measurement.add([1], [image(True)], ["images/00001.png"])
    assert (score.index, score.prompt, score.file, score.clip_score) == (1, "b", "images/00001.png", None)


@pytest.fixture
def clip(tmp_path):
    return Clip(str(save_tiny_clip(tmp_path / "clip")))


def test_kid_is_of_held_out_images_of_the_categories(clip):
    held_out = [prompt(split="held_out"), prompt(split="held_out")]
    others = [prompt(), prompt("multigen", "held_out", objects=5)]
    images = [image(True), image(False), image(True), image(1, 1, 1, 1, 1)]
    alone = measure(held_out, images[:2], clip=clip)["kid"]
    assert measure([*held_out, *others], images, clip=clip)["kid"] == pytest.approx(alone, rel=1e-5)
    assert "kid" not in measure(others, images[2:], clip=clip)


def test_kid_is_between_the_drawn_images_and_the_judges_own(clip):
    held_out, drawn = [prompt(split="held_out")] * 3, [image(True), image(False), image(True)]
    expected = KernelInceptionDistance(ImageTower(clip.model))
    expected.update(clip.pixels(drawn), real=False)
    expected.update(clip.pixels(PixelJudge().references(held_out)), real=True)
    assert measure(held_out, drawn, clip=clip)["kid"] == pytest.approx(float(expected.compute()[0]), rel=1e-4)


def test_images_may_come_one_by_one(clip):
    measurement = Measurement([prompt(text="a ring"), prompt(text="a heart")], PixelJudge(), clip)
    scores = [measurement.add([index], [image(not index)], [""])[0] for index in (0, 1)]
    assert scores[0].clip_score != pytest.approx(scores[1].clip_score, rel=1e-3)
    assert measurement.compute()["clip_score"] == pytest.approx(sum(each.clip_score for each in scores) / 2, rel=1e-5)


def test_batches_change_nothing(clip, monkeypatch):
    prompts = [prompt(split="held_out", text=text) for text in "abcde"]
    images = [image(number % 2) for number in range(5)]
    at_once = measure(prompts, images, clip=clip)
    monkeypatch.setattr("lightning_compose.evaluation.measure.BATCH_SIZE", 2)
    assert measure(prompts, images, clip=clip) == pytest.approx(at_once, rel=1e-4)


def test_a_judge_without_real_images_has_no_kid(clip):
    class NoReferences(PixelJudge):
        references = Judge.references

    measurement = Measurement([prompt(split="held_out")] * 2, NoReferences(), clip)
    measurement.add([0, 1], [image(True), image(False)], ["", ""])
    assert "clip_score/held_out" in measurement.compute()
    assert "kid" not in measurement.compute()


def test_an_empty_share_is_no_trouble(clip):
    measurement = Measurement([prompt()], PixelJudge(), clip)
    assert measurement.add([], [], []) == []
    assert measurement.compute() == {}
