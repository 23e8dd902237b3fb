"""A run that is interrupted comes out as if nothing had happened; the claims C5 to C10."""

import signal
from collections import Counter
from dataclasses import replace
from itertools import chain

import pytest

from lightning_compose.data.schema import STAGES
from lightning_compose.data.shards import ShardSet
from lightning_compose.seeding import generator
from tests.recorder import CrashError
from tests.reliability import chaos
from tests.reliability.chaos_life import Kill, Life, live
from tests.reliability.chaos_model import save_chaos_pipeline
from tests.reliability.chaos_record import (
    Record,
    read_record,
    read_samples,
    require_same_checkpoint,
    require_same_logs,
    require_same_samples,
)

# Three stages of five steps, of two micro-batches each.
STEPS = 15
SWITCH = 5


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Trains a model that learns nothing, with a checkpoint every two steps."""
    made = chaos.make_world(tmp_path_factory.mktemp("world"), STEPS)
    return replace(made, pipeline=None, checkpoint_steps=2, settings={"val_check_interval": 10})


@pytest.fixture(scope="module")
def straight(world, tmp_path_factory):
    """Samples of every step of a run that nobody disturbed."""
    folder = tmp_path_factory.mktemp("straight")
    live(world, folder, Life())
    return read_samples(folder, [Life()])


@pytest.fixture(scope="module")
def learning_world(world, tmp_path_factory):
    """Trains a small model with all losses and an average, with a checkpoint every step."""
    pipeline = save_chaos_pipeline(tmp_path_factory.mktemp("model"))
    return replace(world, steps=6, pipeline=pipeline, checkpoint_steps=1, settings={"val_check_interval": 3})


def pass_end(straight):
    """Return the step that takes the last sample of the first stage's first pass."""
    single = [[key for key, _ in straight[step].values()] for step in range(SWITCH)]
    whole = set(chain.from_iterable(single))
    return next(step for step in range(SWITCH) if set(chain.from_iterable(single[: step + 1])) == whole)


def random_places():
    rng = generator(0, "c5")
    return [(int(rng.integers(2, STEPS)), int(rng.integers(2))) for _ in range(2)]


PLACES = {
    "first step": (0, 0),
    "inside the first step": (0, 1),
    "second step": (1, 0),
    "inside a step": (2, 1),
    "last step of a stage": (SWITCH - 1, 0),
    "first step of a stage": (SWITCH, 0),
    "last step of a pass": None,
    **{f"random {place}": place for place in random_places()},
}
EXIT_CODES = {"SIGKILL": -signal.SIGKILL, "SIGTERM": 143, "SIGUSR1": 138, "exception": 1}


def test_the_world_has_a_pass_that_ends_inside_a_stage(world, straight):
    assert 0 < pass_end(straight) < SWITCH - 1
    assert list(straight) == list(range(STEPS))
    assert list(chain.from_iterable(straight.values())) == list(range(4 * STEPS))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", EXIT_CODES)
def test_c5_nothing_is_lost_and_nothing_comes_twice(world, straight, tmp_path, name, place):
    step, micro_batch = PLACES[place] or (pass_end(straight), 0)
    lives = [Life(kill=Kill(name, step, micro_batch)), Life(number=1)]
    die(world, tmp_path, lives[0])
    live(world, tmp_path, lives[1])
    resumed = read_samples(tmp_path, lives[1:])
    # Signals that ask are obeyed after the step; what cannot be foreseen costs the steps since the last checkpoint.
    is_asked = name in ("SIGTERM", "SIGUSR1")
    assert min(resumed) == (step + 1 if is_asked and step + 1 < STEPS else step - step % 2)
    assert read_samples(tmp_path, lives) == straight


def die(world, folder, life):
    """Train in a process of its own, which must end as its kill has it."""
    with chaos.started(live, world, folder, life, world_size=1, environment=chaos.alone) as ranks:
        assert ranks.exit_codes() == [EXIT_CODES[life.kill.name]]


def interrupted(world, folder, *kills):
    """Train in as many lives as there are kills, and one more; return what they left."""
    folder.mkdir(exist_ok=True)
    lives = [Life(number, kill=kill) for number, kill in enumerate([*kills, None])]
    for life in lives[:-1]:
        with pytest.raises(CrashError):
            live(world, folder, life)
    live(world, folder, lives[-1])
    return read_record(folder, lives)


def require_equal(straight: Record, killed: Record, steps: int) -> None:
    require_same_samples(straight, killed, steps)
    require_same_logs(straight, killed)
    require_same_checkpoint(straight, killed)


@pytest.fixture(scope="module")
def learned(learning_world, tmp_path_factory):
    return interrupted(learning_world, tmp_path_factory.mktemp("learned"))


@pytest.mark.parametrize("micro_batch", [0, 1])
@pytest.mark.parametrize("step", [1, 4])
def test_c6_loss_curve_and_weights_are_bit_identical(learning_world, learned, tmp_path, step, micro_batch):
    killed = interrupted(learning_world, tmp_path, Kill("exception", step, micro_batch))
    require_equal(learned, killed, learning_world.steps)


def test_c6_of_the_other_family_too(learning_world, tiny_sd3_pipeline, tmp_path):
    world = replace(learning_world, pipeline=tiny_sd3_pipeline, steps=3)
    straight = interrupted(world, tmp_path / "straight")
    require_equal(straight, interrupted(world, tmp_path / "killed", Kill("exception", 1, 1)), world.steps)


def test_c6_bit_identical_too_when_a_kill_9_costs_a_step_that_was_done(learning_world, learned, tmp_path):
    world = replace(learning_world, checkpoint_steps=2)
    lives = [Life(kill=Kill("SIGKILL", 5, 1)), Life(number=1)]
    die(world, tmp_path, lives[0])
    live(world, tmp_path, lives[1])
    assert min(read_samples(tmp_path, lives[1:])) == 4
    require_equal(learned, read_record(tmp_path, lives), world.steps)


def test_c7_kills_in_a_row_equal_none(learning_world, learned, tmp_path):
    kills = [Kill("exception", step, step % 2) for step in (2, 3, 3, 5)]
    require_equal(learned, interrupted(learning_world, tmp_path, *kills), learning_world.steps)


# (ranks, micro_batch_size, num_workers) of lives that follow one another.
SEQUENCES = {
    "other workers": [(1, 2, 0), (1, 2, 2), (1, 2, 3)],
    "one rank, then two": [(1, 2, 0), (2, 2, 1)],
    "one rank, then two, as many micro-batches a step": [(1, 2, 1), (2, 1, 0)],
    "two ranks, then one": [(2, 1, 1), (1, 4, 0)],
    "there and back": [(2, 2, 0), (1, 1, 0), (2, 1, 0)],
}


@pytest.mark.parametrize("sequence", SEQUENCES)
def test_c8_other_ranks_and_workers_get_the_same_global_batches(world, straight, tmp_path, sequence):
    kills = [Kill("SIGTERM", 3), Kill("SIGKILL", 7)]
    cuts = SEQUENCES[sequence]
    lives = [
        Life(number, *cut, kill if number < len(cuts) - 1 else None)
        for number, (cut, kill) in enumerate(zip(cuts, [*kills, None], strict=False))
    ]
    for life in lives:
        environment = chaos.torchrun_environment if life.ranks > 1 else chaos.alone
        with chaos.started(live, world, tmp_path, life, world_size=life.ranks, environment=environment) as ranks:
            assert (0 in ranks.exit_codes()) == (life.kill is None)
    assert read_samples(tmp_path, lives) == straight


# The world of C6 has the schedule cosine, strict stages and a validation every three steps.
FEATURES = {
    "linear": {"lr_schedule": "linear"},
    "OneCycleLR over estimated_stepping_batches": {"lr_schedule": None},
    "stages that fade into each other": {"schedule": "gaussian"},
    "stages that are mixed": {"schedule": "mixed"},
    "validation and sanity check": {"settings": {"val_check_interval": 2, "num_sanity_val_steps": 2}},
    "checkpoints between validations": {"checkpoint_steps": 2},
}


@pytest.mark.parametrize("feature", FEATURES)
def test_c9_exact_with(learning_world, learned, tmp_path, feature):
    world = replace(learning_world, **FEATURES[feature])
    straight = interrupted(world, tmp_path / "straight")
    assert (straight.samples != learned.samples) == (world.schedule != "strict")
    require_equal(straight, interrupted(world, tmp_path / "killed", Kill("exception", 3, 1)), world.steps)
    assert straight.checkpoint["callbacks"]["EMA"]["updates"] == world.steps
    assert len({straight.logged[step, "train/lr"][0] for step in range(world.steps)}) > 1


@pytest.mark.parametrize("cut", [(1, 1), (1, 2), (1, 4)])
@pytest.mark.parametrize("step", [SWITCH - 1, SWITCH, SWITCH + 1])
def test_c10_a_stage_begins_at_an_exact_sample_wherever_it_is_interrupted(world, straight, tmp_path, step, cut):
    lives = [Life(0, *cut, kill=Kill("exception", step)), Life(1, *cut)]
    with pytest.raises(CrashError):
        live(world, tmp_path, lives[0])
    live(world, tmp_path, lives[1])
    samples = read_samples(tmp_path, lives)
    assert samples == straight
    stages = stages_of(world, samples)
    assert set(stages[: 4 * SWITCH]) == {"single"}
    assert Counter(stages[4 * SWITCH : 8 * SWITCH]) == {"single": 4, "composition": 16}, "a fifth is replayed"


def stages_of(world, samples):
    """Return the stage of every sample, by global index."""
    shards = ShardSet(world.root)
    by_key = {shards.key(row): STAGES[shards.table["stage"][row]] for row in range(len(shards))}
    return [by_key[key] for of_step in samples.values() for key, _ in of_step.values()]
