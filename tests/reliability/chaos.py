"""Kill a training at random moments until it is done, and compare it with one that nobody disturbed.

    python -m tests.reliability.chaos --kills 20 --steps 200

runs both chaos tests on the embedded world: (a) the number of ranks is fixed, (b) it changes with every life. The
workers change in both.
"""

import argparse
import json
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lightning_compose.cli.run_folder import last_checkpoint
from lightning_compose.data.shards import ShardWriter
from lightning_compose.seeding import generator
from lightning_compose.shapes.generate import generate
from tests.ranks import Ranks, alone, started, torchrun_environment, wait_for
from tests.reliability.chaos_life import GLOBAL_BATCH, Kill, Life, World, journal, live, reached, sent
from tests.tiny_models import save_tiny_pipeline

SIGNALS = ("SIGKILL", "SIGTERM", "SIGUSR1")
KINDS = (*SIGNALS, "exception")
LONGEST_DELAY_S = 0.2
# (ranks, micro_batch_size): all of them cut global batches of the same size.
CUTS = ((1, 2), (2, 2), (1, 4), (2, 1), (1, 1))

# The largest relative difference of losses that differ in nothing but how their batches are cut.
ROUNDING = 1e-5
LOSSES = ("train/loss", "train/denoise", "train/contrastive", "train/token", "train/pixel", "val/loss")

Print = Callable[[str], None]


@dataclass(frozen=True)
class Record:
    """What a run left.

    Args:
        samples: Of every optimizer step, by global index: key and digest of the draws. Of all ranks.
        logged: By step and name, every value that any rank logged in any life.
        checkpoint: The last one.
    """

    samples: dict[int, dict[int, tuple[str, str]]]
    logged: dict[tuple[int, str], list[float]]
    checkpoint: dict[str, Any]


def make_world(folder: Path, steps: int) -> World:
    """Write 48 renders of 32 px in three shards, and a tiny model."""
    with ShardWriter(folder / "shards", 16) as writer:
        for sample in generate(0, "train", range(48), 32):
            writer.write(sample)
    return World(folder / "shards", save_tiny_pipeline(folder / "model"), steps)


def draw_kills(number: int, steps: int, ranks: Sequence[int], seed: int) -> list[Kill]:
    """Return kills in order, every kind among each four of them.

    Args:
        number: Of kills.
        steps: Of the run.
        ranks: Of each life.
        seed: Of the steps, kinds, ranks and delays.
    """
    rng = generator(seed, "chaos")
    names = [KINDS[each] for _ in range(0, number, len(KINDS)) for each in rng.permutation(len(KINDS))]
    at = sorted(rng.integers(0, steps - 8, number).tolist())
    return [
        Kill(name, step, int(rng.integers(world_size)), float(rng.uniform(0, LONGEST_DELAY_S)))
        for name, step, world_size in zip(names, at, ranks, strict=False)
    ]


def draw_lives(kills: int, steps: int, cuts: Sequence[tuple[int, int]], seed: int) -> list[Life]:
    """Return the lives of a run: the cuts and 0, 1 and 2 workers in turn, all but the last one killed."""
    in_turn = [cuts[number % len(cuts)] for number in range(kills + 1)]
    deaths = draw_kills(kills, steps, [ranks for ranks, _ in in_turn], seed)
    return [
        Life(number, ranks, micro_batch_size, (number + 1) % 3, kill)
        for number, ((ranks, micro_batch_size), kill) in enumerate(zip(in_turn, [*deaths, None], strict=True))
    ]


def run(world: World, folder: Path, lives: Sequence[Life], say: Print = lambda _: None) -> Record:
    """Train through all lives; each must end as it should."""
    folder.mkdir()
    for life in lives:
        begun_s = time.perf_counter()
        environment = torchrun_environment if life.ranks > 1 else alone
        with started(live, world, folder, life, world_size=life.ranks, environment=environment) as ranks:
            strike(folder, life, ranks)
            codes = ranks.exit_codes()
        require_codes(life, codes)
        say(f"  {describe(folder, life, codes)}, {time.perf_counter() - begun_s:.1f} s")
    return Record(read_samples(folder, lives), read_logged(folder, lives), read_checkpoint(folder))


def strike(folder: Path, life: Life, ranks: Ranks) -> None:
    """Send the signal of a life, if it has one."""
    kill = life.kill
    if kill is None or kill.name == "exception":
        return
    wait_for(reached(folder, life.number), ranks)
    time.sleep(kill.delay_s)
    ranks.signal(kill.rank, signal.Signals[kill.name])
    sent(folder, life.number).touch()
    if kill.name == "SIGKILL":
        # As torchrun does when a rank is gone.
        for rank in range(life.ranks):
            ranks.signal(rank, signal.SIGKILL)


def require_codes(life: Life, codes: list[int]) -> None:
    expected = {None: 0, "SIGKILL": -9, "SIGTERM": 143, "SIGUSR1": 138, "exception": 1}[life.kill and life.kill.name]
    if life.kill and life.kill.name == "exception":
        # A rank that lost another one may end by any error.
        codes = [expected if rank != life.kill.rank and code != 0 else code for rank, code in enumerate(codes)]
    if set(codes) != {expected}:
        raise AssertionError(f"Expected the exit code {expected} on all ranks of {life}, got {codes}.")


def describe(folder: Path, life: Life, codes: list[int]) -> str:
    steps = [line["step"] for line in lines(journal(folder, life.number, 0)) if "samples" in line]
    end = "to the end" if life.kill is None else f"{life.kill.name} on rank {life.kill.rank}"
    trained = f"steps {steps[0]:3d} to {steps[-1]:3d}" if steps else "no step"
    return (
        f"life {life.number:2d}: {life.ranks} ranks x {life.micro_batch_size} samples, {life.num_workers} workers, "
        f"{trained}, {end}, exit codes {codes}"
    )


# -- what a run left ---------------------------------------------------------------------------------


def read_samples(folder: Path, lives: Sequence[Life]) -> dict[int, dict[int, tuple[str, str]]]:
    """Return what entered each step, of the life that was gone on with.

    Raises:
        AssertionError: When two ranks trained on one sample, or a step that was done again was not done alike.
    """
    steps: dict[int, dict[int, tuple[str, str]]] = {}
    for life in lives:
        for step, samples in samples_of(folder, life).items():
            if step in steps and steps[step] != samples:
                raise AssertionError(f"Life {life.number} did step {step} again, with other samples or draws.")
            steps[step] = samples
    return dict(sorted(steps.items()))


def samples_of(folder: Path, life: Life) -> dict[int, dict[int, tuple[str, str]]]:
    """Return the steps that all ranks of one life finished."""
    steps: dict[int, dict[int, tuple[str, str]]] = {}
    for rank in range(life.ranks):
        for line in lines(journal(folder, life.number, rank)):
            of_step = steps.setdefault(line["step"], {}) if "samples" in line else {}
            for index, key, digest in line.get("samples", []):
                if index in of_step:
                    raise AssertionError(f"Sample {index} was trained on twice in step {line['step']}.")
                of_step[index] = (key, digest)
    return {step: dict(sorted(samples.items())) for step, samples in steps.items() if len(samples) == GLOBAL_BATCH}


def read_logged(folder: Path, lives: Sequence[Life]) -> dict[tuple[int, str], list[float]]:
    values: dict[tuple[int, str], list[float]] = {}
    for life in lives:
        for rank in range(life.ranks):
            for line in lines(journal(folder, life.number, rank)):
                for name, value in line.get("logged", {}).items():
                    values.setdefault((line["step"], name), []).append(value)
    return values


def read_checkpoint(folder: Path) -> dict[str, Any]:
    return torch.load(last_checkpoint(str(folder)), weights_only=True)


def lines(file: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal; what a kill cut off is none."""
    text = file.read_text() if file.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1]]


# -- the comparison ----------------------------------------------------------------------------------


def require_same_samples(straight: Record, killed: Record, steps: int) -> str:
    """Check that every step had the same samples with the same draws."""
    require(list(straight.samples) == list(range(steps)), f"steps 0 to {steps - 1}", list(straight.samples))
    for step, samples in straight.samples.items():
        require(killed.samples.get(step) == samples, f"{samples} in step {step}", killed.samples.get(step))
    return f"samples and draws: {steps} of {steps} steps identical"


def require_same_logs(straight: Record, killed: Record) -> str:
    """Check that every value logged is the straight run's, bit by bit, also of steps that were done twice."""
    require_all_logged(straight, killed)
    for place, values in killed.logged.items():
        require(set(values) == set(straight.logged[place]), f"{straight.logged[place]} as {place}", values)
    return f"logged values: {sum(map(len, killed.logged.values()))} identical"


def require_close_logs(straight: Record, killed: Record, relative: float) -> str:
    """Check that every loss logged is the straight run's within float32 rounding."""
    require_all_logged(straight, killed)
    furthest = max(
        (abs(value - straight.logged[place][0]) / abs(straight.logged[place][0]), place, value)
        for place, values in killed.logged.items()
        if place[1] in LOSSES and straight.logged[place][0]
        for value in values
    )
    require(furthest[0] <= relative, f"losses within {relative} of the straight run's", furthest)
    return f"losses: {furthest[0]:.1e} apart at most, relative ({furthest[1][1]} of step {furthest[1][0]})"


def require_all_logged(straight: Record, killed: Record) -> None:
    # A validation that was cut off is not made up for.
    missing = [each for each in straight.logged if each not in killed.logged and not each[1].startswith("val/")]
    require(not missing, "every value logged", f"none of {missing[:3]}")
    more = [each for each in killed.logged if each not in straight.logged]
    require(not more, "no further values logged", more[:3])


def require_same_checkpoint(straight: Record, killed: Record) -> str:
    """Check the last checkpoints: weights, their average, optimizer, schedule, curriculum, position."""
    compared = 0
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "curriculum", "global_step"):
        compared += require_same(straight.checkpoint[part], killed.checkpoint[part], part)
    for callback in ("EMA",):
        saved = [each.checkpoint["callbacks"][callback] for each in (straight, killed)]
        compared += require_same(*saved, callback)
    return f"last checkpoint: {compared} tensors and numbers identical"


def require_same(one: Any, two: Any, place: str) -> int:
    """Check that two nests are equal, tensors bit by bit; return how many leaves there are."""
    if isinstance(one, dict):
        require(one.keys() == two.keys(), f"the keys {list(one)} in {place}", list(two))
        return sum(require_same(one[key], two[key], f"{place}.{key}") for key in one)
    if isinstance(one, list | tuple):
        require(len(one) == len(two), f"{len(one)} in {place}", len(two))
        return sum(require_same(*each, f"{place}.{nth}") for nth, each in enumerate(zip(one, two, strict=True)))
    same = torch.equal(one, two) if isinstance(one, torch.Tensor) else one == two
    require(same, f"{place} = {one}", two)
    return 1


def require(holds: bool, expected: str, got: object) -> None:
    if not holds:
        raise AssertionError(f"Expected {expected}, got {got}.")


# -- the two tests -----------------------------------------------------------------------------------


def straight_run(world: World, folder: Path, ranks: int, say: Print = lambda _: None) -> Record:
    """Train without a kill."""
    say(f"straight, {ranks} ranks")
    return run(world, folder, [Life(ranks=ranks)], say)


def fixed_ranks(
    world: World, folder: Path, straight: Record, kills: int, ranks: int, seed: int = 0, say: Print = lambda _: None
) -> None:
    """(a) Ranks fixed, workers changed: bit-identical to the straight run."""
    say(f"(a) {ranks} ranks in every life, other workers")
    killed = run(world, folder, draw_lives(kills, world.steps, [(ranks, Life.micro_batch_size)], seed), say)
    say(f"  {require_same_samples(straight, killed, world.steps)}")
    say(f"  {require_same_logs(straight, killed)}")
    say(f"  {require_same_checkpoint(straight, killed)}")


def changing_ranks(
    world: World, folder: Path, straight: Record, kills: int, seed: int = 0, say: Print = lambda _: None
) -> None:
    """(b) Other ranks and workers in every life: the same samples and draws, losses within float32 rounding."""
    say("(b) other ranks, micro-batches and workers in every life, compared with one rank")
    killed = run(world, folder, draw_lives(kills, world.steps, CUTS, seed), say)
    say(f"  {require_same_samples(straight, killed, world.steps)}")
    say(f"  {require_close_logs(straight, killed, ROUNDING)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of each run")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of the kills")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = make_world(folder, args.steps)
        for ranks in (1, 2):
            straight = straight_run(world, folder / f"straight-{ranks}", ranks, say)
            fixed_ranks(world, folder / f"killed-{ranks}", straight, args.kills, ranks, args.seed, say)
            if ranks == 1:
                changing_ranks(world, folder / "changing", straight, args.kills, args.seed, say)


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    # What lives print is not of interest.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
