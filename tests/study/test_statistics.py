"""Estimates: by hand, against known effects, and how often their intervals hold the truth."""

import numpy as np
import pytest
from made_study import made_study

from lightning_compose.evaluation.comparison import BOTH, MEAN
from lightning_compose.metrics.bootstrap import central_interval, crossed_means
from lightning_compose.seeding import generator
from lightning_compose.study.outcomes import Outcomes, Prompts, gather
from lightning_compose.study.readings import at_equal_steps
from lightning_compose.study.statistics import OBJECT_ACCURACY, compared, estimate


def estimates(tables, reference="plain", names=(MEAN,)):
    arms = list(dict.fromkeys(each.arm for each in tables.runs))
    prompts, outcomes = gather(tables.scores, at_equal_steps(tables.runs, reference), arms)
    return {(each.arm, each.name, each.split): each for each in estimate(prompts, outcomes, reference)}


@pytest.fixture(scope="module")
def told():
    return estimates(made_study({"base": 0.3, "plain": 0.4, "same": 0.4, "better": 0.7}))


def prompts_of(*rows):
    categories, splits, objects = zip(*rows, strict=True)
    return Prompts(np.array(categories), np.array(splits), np.array(objects))


def outcomes(correct, found=None):
    correct = np.array(correct, float)
    return Outcomes(correct, np.array(found) if found else np.zeros(correct.shape, int))


def test_by_hand():
    asked = prompts_of(
        ("color", "seen", 1),
        ("color", "seen", 2),
        ("color", "held_out", 2),
        ("shape", "seen", 3),
        ("multigen", "seen", 5),
    )
    plain = outcomes([[0, 0, 1, 1, 0], [1, 0, 0, 1, 0]], [[0, 1, 2, 2, 3], [0, 2, 2, 3, 5]])
    arm = outcomes([[1, 1, 1, 1, 1]], [[1, 2, 2, 3, 4]])
    found = {(e.arm, e.name, e.split): e for e in estimate(asked, {"plain": plain, "arm": arm}, "plain")}
    means = {key: each.mean for key, each in found.items() if key[0] == "plain"}
    assert means == {
        ("plain", "color", "seen"): 0.25,
        ("plain", "shape", "seen"): 1.0,
        ("plain", MEAN, "seen"): 0.625,  # the two categories count alike
        ("plain", "mg2", "seen"): 1.0,
        ("plain", "mg3", "seen"): 1.0,
        ("plain", "mg4", "seen"): 0.5,
        ("plain", "mg5", "seen"): 0.5,
        ("plain", OBJECT_ACCURACY, "seen"): 0.5,  # of color's second prompt and shape's
        ("plain", "color", "held_out"): 0.5,
        ("plain", MEAN, "held_out"): 0.5,
        ("plain", OBJECT_ACCURACY, "held_out"): 1.0,
        ("plain", MEAN, BOTH): pytest.approx((1 / 3 + 1) / 2),
    }
    assert found["plain", MEAN, "seen"].by_seed == (0.5, 0.75)
    assert found["plain", MEAN, "seen"].prompts == 3
    assert found["plain", MEAN, "seen"].difference is None
    assert found["arm", MEAN, "seen"].difference.value == 0.375
    assert compared(found.values()) == 12


def test_a_better_arm_is_found_better_and_an_equal_one_not(told):
    for split in ("seen", "held_out", BOTH):
        assert told["better", MEAN, split].difference.interval[0] > 0
        assert told["better", MEAN, split].difference.family_interval[0] > 0
        assert told["base", MEAN, split].difference.value < 0
        low, high = told["same", MEAN, split].difference.interval
        assert low < 0 < high


def test_the_interval_for_all_arms_together_is_wider(told):
    difference = told["better", MEAN, BOTH].difference
    assert difference.family_interval[0] < difference.interval[0] < difference.value
    assert difference.family_interval[1] > difference.interval[1] > difference.value


def test_trainings_that_differ_widen_the_interval():
    alike, different = (estimates(made_study({"plain": 0.5}, seed_spread=spread)) for spread in (0.0, 0.2))
    widths = [np.ptp(each["plain", MEAN, BOTH].interval) for each in (alike, different)]
    assert widths[1] > 1.5 * widths[0]


def test_pairing_prompts_narrows_a_difference():
    hard_and_easy = np.repeat([0.0, 1.0], 20)[None].repeat(3, axis=0)
    asked = prompts_of(*[("color", "seen", 2)] * 40)
    arms = {"plain": outcomes(hard_and_easy), "arm": outcomes(hard_and_easy)}
    found = [each for each in estimate(asked, arms, "plain") if each.arm == "arm" and each.name == MEAN]
    assert found[0].interval[0] < 0.4
    assert found[0].difference.interval == pytest.approx((0.0, 0.0), abs=1e-9)


def test_without_the_reference_nothing_is_compared():
    told = estimates(made_study({"base": 0.3, "token": 0.4}, prompts=2))
    assert compared(told.values()) == 0
    assert 0 < told["token", MEAN, BOTH].mean < 1


def test_a_single_seed_is_told_apart(told):
    assert len(told["base", MEAN, BOTH].by_seed) == 1
    assert len(told["plain", MEAN, BOTH].by_seed) == 3


@pytest.mark.parametrize(("seeds", "seed_sd"), [(3, 0.1), (3, 0.15), (5, 0.3)])
def test_intervals_of_equal_arms_hold_zero_as_often_as_they_say(seeds, seed_sd):
    # Chances as logits: prompts, prompts as each arm takes to them, trainings; 0.15 is 2.5 points of accuracy.
    rng = generator(0, "coverage", seeds)
    difficulty = rng.normal(-0.8, 1.5, size=(200, 1, 1, 96)) + rng.normal(0, 0.5, size=(200, 2, 1, 96))
    logits = difficulty + rng.normal(0, seed_sd, size=(200, 2, seeds, 1))
    correct = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    held = [
        low <= 0 <= high
        for one, other in correct
        for low, high in [central_interval(crossed_means(groups(one), groups(other), resamples=300))]
    ]
    assert np.mean(held) >= 0.93


def groups(values):
    return np.split(values, 8, axis=1)
