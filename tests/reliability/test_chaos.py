"""Runs that are killed at random moments, as chaos.py does it, with fewer of them."""

import pytest

from tests.reliability import chaos

STEPS, KILLS = 200, 5


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    return chaos.make_world(tmp_path_factory.mktemp("world"), STEPS)


@pytest.fixture(scope="module")
def straight(world, tmp_path_factory):
    return chaos.straight_run(world, tmp_path_factory.mktemp("chaos") / "straight", ranks=1)


def test_kills_change_nothing_whatever_the_workers(world, straight, tmp_path):
    chaos.fixed_ranks(world, tmp_path / "killed", straight, KILLS, ranks=1)


def test_kills_change_nothing_on_two_ranks(world, tmp_path):
    straight = chaos.straight_run(world, tmp_path / "straight", ranks=2)
    chaos.fixed_ranks(world, tmp_path / "killed", straight, KILLS, ranks=2, seed=1)


def test_kills_and_other_ranks_change_no_sample_no_draw_and_no_loss(world, straight, tmp_path):
    chaos.changing_ranks(world, tmp_path / "killed", straight, KILLS, seed=2)
