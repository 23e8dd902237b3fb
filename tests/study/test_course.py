"""Accuracy along the training: by hand."""

import pytest

from lightning_compose.study.course import Point, course
from lightning_compose.study.tables import Evaluated, Outcome


def run(arm, seed, step):
    return Evaluated(arm, seed, step, 20, 2.0 * step + seed, 1.0)


def outcomes(run, *rights, category="color", split="seen"):
    return [
        Outcome(run.arm, run.seed, run.step, index, category, split, "single", right, 1, 1, 0, "a ring")
        for index, right in enumerate(rights)
    ]


def test_from_the_base_over_the_mean_of_the_seeds():
    runs = [run("base", 0, 0), run("plain", 0, 10), run("plain", 1, 10), run("plain", 0, 20)]
    scores = [
        *outcomes(runs[0], False, False),
        *outcomes(runs[1], True, False, False, False),
        *outcomes(runs[1], True, category="shape"),  # categories count alike: 0.625
        *outcomes(runs[1], True, split="held_out"),
        *outcomes(runs[1], True, category="multigen"),
        *outcomes(runs[2], True, True),
        *outcomes(runs[3], True),  # the other seed has not come so far
    ]
    assert course(runs, scores, "seen") == {
        "plain": [Point(0, 0.0, 0.0, 0.0, 0.0), Point(10, 20.5, pytest.approx(0.8125), 0.625, 1.0)]
    }


def test_without_prompts_of_a_split_there_is_no_point():
    runs = [run("plain", 0, 10)]
    assert course(runs, outcomes(runs[0], True), "held_out") == {"plain": []}
