"""Membership, mixture and factors as functions of the step."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from lightning_compose.curriculum.schedule import Schedule, membership, replay_matrix
from lightning_compose.curriculum.stage import Stage

STAGES = {
    "easy": Stage(steps=4, losses={"token": 0.0}),
    "middle": Stage(steps=8, lr=0.5, replay=0.25),
    "hard": Stage(passes=1, lr=0.1, losses={"token": 0.5, "pixel": 2.0}, replay=0.4),
}
SIZES = [10, 30, 21]
KINDS = ["strict", "gaussian", "mixed"]


def make(kind="strict", **changes):
    return Schedule(**{"stages": STAGES, "pool_sizes": SIZES, "batch_size": 8, "kind": kind} | changes)


def test_lengths_follow_from_steps_and_passes():
    schedule = make()
    # 21 samples, of which a batch of 8 holds 8 * 0.6.
    assert schedule.lengths == [4, 8, 5]
    assert (schedule.ends, schedule.steps) == ([4, 12, 17], 17)


def test_a_stage_begins_on_its_step_and_the_last_one_never_ends():
    schedule = make()
    assert [schedule.stage_at(step) for step in (0, 3, 4, 11, 12, 16, 17, 99)] == [0, 0, 1, 1, 2, 2, 2, 2]
    assert schedule.stage_name(3) == "easy"
    assert make("mixed").stage_name(3) == "mixed"


@pytest.mark.parametrize("kind", KINDS)
def test_shares_sum_to_one_and_stay_after_the_end(kind):
    steps = np.arange(30)
    for shares in (make(kind).membership(steps), make(kind).mixture(steps)):
        assert shares.shape == (30, 3)
        assert (shares >= 0).all()
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        np.testing.assert_array_equal(shares[17:], np.broadcast_to(shares[16], (13, 3)))


def test_strict_is_one_stage_at_a_time():
    schedule = make()
    shares = schedule.membership(np.arange(17))
    assert shares.argmax(axis=1).tolist() == [schedule.stage_at(step) for step in range(17)]
    assert set(shares.ravel()) == {0.0, 1.0}


def test_mixed_is_the_same_at_every_step_in_proportion_to_the_lengths():
    np.testing.assert_allclose(make("mixed").membership(np.arange(5)), np.tile(np.array([4, 8, 5]) / 17, (5, 1)))


def test_gaussian_against_the_formula():
    lengths, overlap = [4, 8, 5], 0.7
    got = membership(np.arange(17), lengths, "gaussian", overlap)
    for step in range(17):
        bells = [
            math.exp(-((step + 0.5 - middle) ** 2) / (2 * (overlap * length) ** 2))
            for length, middle in zip(lengths, (2, 8, 14.5), strict=True)
        ]
        np.testing.assert_allclose(got[step], np.array(bells) / sum(bells), atol=1e-11)


@pytest.mark.parametrize("lengths", [[4, 8, 5], [10, 1000, 3], [7, 7]])
@pytest.mark.parametrize("overlap", [0.01, 0.3, 0.5, 1.0, 3.0])
def test_the_stage_whose_turn_it_is_has_the_largest_share(lengths, overlap):
    steps = np.arange(sum(lengths))
    soft, strict = (membership(steps, lengths, kind, overlap) for kind in ("gaussian", "strict"))
    assert soft.argmax(axis=1).tolist() == strict.argmax(axis=1).tolist()


def test_replay_is_shared_out_by_the_sizes_of_the_pools():
    np.testing.assert_allclose(
        replay_matrix([0.0, 0.25, 0.4], SIZES), [[1, 0, 0], [0.25, 0.75, 0], [0.1, 0.3, 0.6]], atol=1e-12
    )
    np.testing.assert_allclose(make().mixture(np.array([0, 4, 12])), replay_matrix([0.0, 0.25, 0.4], SIZES))


def test_loss_factors_of_a_strict_schedule_are_those_of_the_stage():
    schedule = make()
    assert schedule.loss_factors(3) == {"token": 0.0, "pixel": 1.0}
    assert schedule.loss_factors(4) == {"token": 1.0, "pixel": 1.0}
    assert schedule.loss_factors(12) == schedule.loss_factors(99) == {"token": 0.5, "pixel": 2.0}
    assert [schedule.lr_factor(step) for step in (3, 4, 11, 12)] == [1.0, 0.5, 0.5, 0.1]


@pytest.mark.parametrize("kind", ["gaussian", "mixed"])
def test_factors_are_means_over_the_membership(kind):
    schedule = make(kind)
    for step in (4, 8, 12):
        (shares,) = schedule.membership(np.array([step]))
        assert schedule.loss_factors(step)["token"] == pytest.approx(shares @ [0.0, 1.0, 0.5], abs=0.01)
        assert schedule.lr_factor(step) == pytest.approx(shares @ [1.0, 0.5, 0.1], abs=0.01)


def test_a_share_of_next_to_nothing_leaves_a_loss_off():
    schedule = make("gaussian", overlap=0.2)
    (shares,) = schedule.membership(np.array([0]))
    assert 0 < shares[1] < 0.01
    assert schedule.loss_factors(0)["token"] == 0.0


def test_a_small_factor_of_the_users_is_kept():
    assert make(stages={"all": Stage(steps=2, losses={"token": 1e-4})}, pool_sizes=[5]).loss_factors(0) == {
        "token": 1e-4
    }


def test_counts_realise_the_mixture():
    schedule = make("gaussian")
    counts = schedule.counts()
    assert counts.shape == (17, 3)
    assert np.abs((counts - 8 * schedule.mixture(np.arange(17))).cumsum(axis=0)).max() < 1


COUNTS = """
import hashlib
from lightning_compose.curriculum.schedule import Schedule
from lightning_compose.curriculum.stage import Stage

digest = hashlib.sha256()
for kind in ("strict", "gaussian", "mixed"):
    for batch_size in (4, 6, 10):
        stages = {"a": Stage(steps=50), "b": Stage(steps=50, replay=0.1), "c": Stage(steps=50, replay=0.7)}
        digest.update(Schedule(stages, [30, 50, 80], batch_size, kind).counts().tobytes())
print(digest.hexdigest()[:16])
"""


@pytest.mark.parametrize("processor", [None, "Prescott"])
def test_every_processor_counts_alike(processor):
    # OpenBLAS sums a matrix product in another order on another processor.
    environment = dict(os.environ) | ({"OPENBLAS_CORETYPE": processor} if processor else {})
    done = subprocess.run([sys.executable, "-c", COUNTS], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "ce361263c27187b3"
