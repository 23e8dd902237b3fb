"""A validation that a signal left out is made up for as it would have been: by the average, with all losses."""

from dataclasses import replace

import pytest

from tests.reliability import chaos
from tests.reliability.chaos_life import Kill, Life
from tests.reliability.chaos_record import require_same_checkpoint, require_same_logs

STEPS = 6


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Validates after every second step."""
    made = chaos.make_world(tmp_path_factory.mktemp("world"), STEPS)
    return replace(made, settings={"val_check_interval": 2})


@pytest.mark.parametrize("ranks", [1, 2])
def test_a_validation_that_was_left_out_is_made_up_for_bit_by_bit(world, tmp_path, ranks):
    cut = chaos.accumulating(ranks)
    straight = chaos.straight_run(world, tmp_path / "straight", ranks)
    # In the step before a validation, and the last one of a stage: its losses have other weights than the next one's.
    lives = [Life(0, *cut, 0, Kill("SIGTERM", 1, rank=ranks - 1)), Life(1, *cut, 0)]
    killed = chaos.run(world, tmp_path / "killed", lives)
    assert killed.logged[1, "val/loss"] == straight.logged[1, "val/loss"]
    require_same_logs(straight, killed)
    require_same_checkpoint(straight, killed)
    assert len({value for (_, name), (value, *_) in straight.logged.items() if name == "val/loss"}) == STEPS // 2
