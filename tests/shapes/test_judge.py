"""The judge: renders pass, and an error in one attribute fails exactly the prompts of its category."""

import dataclasses

import numpy as np
import pytest
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.evaluation.judge import Judge
from lightning_compose.evaluation.measure import Measurement
from lightning_compose.evaluation.prompts import COMPOSITIONAL, BenchmarkPrompt
from lightning_compose.shapes.benchmark import FIRST_SEED, REFERENCE_SEED, draw_prompts, pairs_of
from lightning_compose.shapes.judge import ShapesJudge
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Background, Object, Scene

SCENE = Scene(
    Background("meadow"),
    (Object("ring", "red", "plain", 0.25, 0.28, 0.4), Object("square", "blue", "striped", 0.72, 0.72, 0.4)),
)


@pytest.fixture(scope="module")
def prompts():
    return [each for each in draw_prompts(1) if each.category in COMPOSITIONAL]


@pytest.fixture(scope="module")
def scenes():
    return [next(pairs_of(name, split, FIRST_SEED)) for name in COMPOSITIONAL for split in ("seen", "held_out")]


@pytest.fixture(scope="module")
def verdicts(prompts, scenes):
    """Of the positive and of the negative image of each prompt's pair."""
    images = {name: [picture(getattr(each, name)) for each in scenes] for name in ("positive", "negative")}
    return {name: ShapesJudge().judge(each, prompts) for name, each in images.items()}


class Known(Judge):
    """Verdicts that were given before, in place of the images."""

    def judge(self, images, prompts):
        return images


def picture(scene):
    return Image.fromarray(render(scene))


def measure(prompts, verdicts):
    measurement = Measurement(prompts, Known())
    measurement.add(range(len(prompts)), verdicts, [""] * len(prompts))
    return measurement.compute()


def test_the_scenes_that_the_prompts_describe_pass(prompts, verdicts):
    measured = measure(prompts, verdicts["positive"])
    accuracies = {name: value for name, value in measured.items() if name.startswith("accuracy/")}
    assert len(accuracies) == 2 * (len(COMPOSITIONAL) + 1)
    assert set(accuracies.values()) == {1.0}


@pytest.mark.parametrize("category", COMPOSITIONAL)
def test_wrong_images_lower_their_category_alone(prompts, verdicts, category):
    signs = ["negative" if each.category == category else "positive" for each in prompts]
    measured = measure(prompts, [verdicts[sign][index] for index, sign in enumerate(signs)])
    for name in COMPOSITIONAL:
        for split in ("", "/held_out"):
            assert measured[f"accuracy/{name}{split}"] == float(name != category)
    assert measured["accuracy/mean"] == pytest.approx(7 / 8)


@pytest.mark.parametrize(
    ("changes", "failing"),
    [
        ({"color": "green"}, {"color"}),
        ({"texture": "dotted"}, {"texture"}),
        ({"shape": "heart"}, {"shape", "color", "texture"}),  # what is not there has no colour either
    ],
)
def test_one_changed_attribute_fails_the_questions_about_it(changes, failing):
    questions = {
        "shape": Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
        "color": Question(1, "Is the ring red?", "yes", "attribute", ("ring", "color", "red"), (0,)),
        "texture": Question(2, "Is the ring plain?", "yes", "attribute", ("ring", "texture", "plain"), (0,)),
        "other": Question(3, "Is there a square?", "yes", "entity", ("square",)),
        "scene": Question(4, "Is this in a meadow?", "yes", "scene", ("meadow",)),
    }
    prompt = BenchmarkPrompt("a red ring and a square", 0, "color", "seen", tuple(questions.values()))
    changed = dataclasses.replace(SCENE, objects=(dataclasses.replace(SCENE.objects[0], **changes), SCENE.objects[1]))
    (verdict,) = ShapesJudge().judge([picture(changed)], [prompt])
    assert {name for name, right in zip(questions, verdict.right, strict=True) if not right} == failing


def test_references_are_held_out_scenes_and_the_same_again(prompts):
    held_out = [each for each in prompts if each.split == "held_out"]
    first, again = (ShapesJudge().references(held_out) for _ in range(2))
    assert len(first) == len(held_out)
    assert all(np.array_equal(one, other) for one, other in zip(first, again, strict=True))
    assert len({image.tobytes() for image in first}) == len(first)


def test_references_are_the_next_positive_scenes_of_each_category_and_no_prompts(prompts, scenes):
    asked = [each for each in prompts if each.split == "held_out" and each.category in ("scene", "color")][::-1] * 2
    drawn = [draw_pair(REFERENCE_SEED, "held_out", index) for index in range(len(ROUND))]
    color, scene = ([each for each in drawn if each.category == name] for name in ("color", "scene"))
    expected = [scene[0], color[0], scene[1], color[1]]
    references = ShapesJudge().references(asked)
    assert [each.tobytes() for each in references] == [picture(each.positive).tobytes() for each in expected]
    assert not {each.tobytes() for each in references} & {picture(each.positive).tobytes() for each in scenes}
