"""Kill a training at random moments until it is done, and compare it with one that nobody disturbed.

    python -m tests.reliability.chaos --kills 20 --steps 200 2> /dev/null

runs both chaos tests on the embedded world: (a) the number of ranks is fixed, (b) it changes with every life. The
workers change in both.
"""

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import lightning
import numpy as np
import torch

from lightning_compose.data.shards import ShardWriter
from lightning_compose.seeding import generator
from lightning_compose.shapes.generate import generate
from tests.ranks import Ranks, alone, started, torchrun_environment, wait_for
from tests.reliability.chaos_life import GLOBAL_BATCH, SIZE_PX, Kill, Life, World, journal, live, reached, sent
from tests.reliability.chaos_model import save_chaos_pipeline
from tests.reliability.chaos_record import (
    ROUNDING,
    Record,
    lines,
    read_record,
    require_close_logs,
    require_same_checkpoint,
    require_same_logs,
    require_same_samples,
)

SIGNALS = ("SIGKILL", "SIGTERM", "SIGUSR1")
KINDS = (*SIGNALS, "exception")
LONGEST_DELAY_S = 0.2
# (ranks, micro_batch_size): all of them cut global batches of the same size.
CUTS = ((1, 2), (2, 2), (1, 4), (2, 1), (1, 1))

Print = Callable[[str], None]


def make_world(folder: Path, steps: int) -> World:
    """Write 48 renders of 16 px in three shards, and a tiny model."""
    with ShardWriter(folder / "shards", 16) as writer:
        for sample in generate(0, "train", range(48), SIZE_PX):
            writer.write(sample)
    return World(folder / "shards", steps, save_chaos_pipeline(folder / "model"))


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
        Kill(name, step, *rng.integers((GLOBAL_BATCH, world_size)).tolist(), delay_s(name, rng))
        for name, step, world_size in zip(names, at, ranks, strict=False)
    ]


def delay_s(name: str, rng: np.random.Generator) -> float | None:
    return None if name == "exception" else float(rng.uniform(0, LONGEST_DELAY_S))


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
    return read_record(folder, lives)


def strike(folder: Path, life: Life, ranks: Ranks) -> None:
    """Send the signal of a life, if it has one."""
    kill = life.kill
    if kill is None or kill.delay_s is None:
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


# -- the two tests -----------------------------------------------------------------------------------


def straight_run(world: World, folder: Path, ranks: int, say: Print = lambda _: None) -> Record:
    """Train without a kill."""
    say(f"straight, {ranks} ranks")
    return run(world, folder, [Life(0, *accumulating(ranks))], say)


def accumulating(ranks: int) -> tuple[int, int]:
    """Return how so many ranks cut a global batch into two micro-batches each."""
    return ranks, GLOBAL_BATCH // (2 * ranks)


def fixed_ranks(
    world: World, folder: Path, straight: Record, kills: int, ranks: int, seed: int = 0, say: Print = lambda _: None
) -> None:
    """(a) Ranks fixed, workers changed: bit-identical to the straight run."""
    say(f"(a) {ranks} ranks in every life, other workers")
    killed = run(world, folder, draw_lives(kills, world.steps, [accumulating(ranks)], seed), say)
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
    begun_s = time.perf_counter()
    say(f"{args.kills} kills of each run, {args.steps} steps, seed {args.seed}")
    say(f"torch {torch.__version__}, lightning {lightning.__version__}, on {os.cpu_count()} CPU cores")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        world = make_world(folder, args.steps)
        for ranks in (1, 2):
            straight = straight_run(world, folder / f"straight-{ranks}", ranks, say)
            fixed_ranks(world, folder / f"killed-{ranks}", straight, args.kills, ranks, args.seed, say)
            if ranks == 1:
                changing_ranks(world, folder / "changing", straight, args.kills, args.seed, say)
        say(f"all as it should be, {time.perf_counter() - begun_s:.0f} s in all")


def say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    main()
