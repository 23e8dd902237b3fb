"""What a run of a chaos test left, and whether two runs left the same."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lightning_compose.cli.run_folder import last_checkpoint
from tests.reliability.chaos_life import GLOBAL_BATCH, Life, journal

# The largest relative difference of losses that differ in nothing but how their batches are cut.
ROUNDING = 1e-5
LOSSES = ("train/loss", "train/denoise", "train/contrastive", "train/token", "train/pixel", "val/loss")


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


def read_record(folder: Path, lives: Sequence[Life]) -> Record:
    """Read what the lives of a run wrote down, and its last checkpoint."""
    return Record(read_samples(folder, lives), read_logged(folder, lives), read_checkpoint(folder))


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
    missing = [each for each in straight.logged if each not in killed.logged]
    require(not missing, "every value logged", f"none of {missing[:3]}")
    more = [each for each in killed.logged if each not in straight.logged]
    require(not more, "no further values logged", more[:3])


def require_same_checkpoint(straight: Record, killed: Record) -> str:
    """Check the last checkpoints: weights, their average, optimizer, schedule, curriculum, position."""
    compared = 0
    for part in ("state_dict", "optimizer_states", "lr_schedulers", "curriculum", "global_step"):
        compared += require_same(straight.checkpoint[part], killed.checkpoint[part], part)
    averages = [each.checkpoint["callbacks"]["EMA"] for each in (straight, killed)]
    compared += require_same(*averages, "EMA")
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
