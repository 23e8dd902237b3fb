"""Time, memory and arithmetic of a training step."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from unittest.mock import patch

import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

Step = Callable[[], None]
Clock = Callable[[], float]
WARM_UP_ROUNDS = 2


def round_seconds(
    steps: Mapping[str, Step], rounds: int, device: torch.device, clock: Clock = time.perf_counter
) -> dict[str, list[float]]:
    """Return each step's time in each round: in a round every step runs once, so that all see the same drifts.

    Args:
        steps: By name.
        rounds: How many are timed, after some that are not.
        device: Where the steps compute.
        clock: In seconds; ``time.process_time`` counts the processor's alone.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for timed in [False] * min(WARM_UP_ROUNDS, rounds) + [True] * rounds:
        for name, step in steps.items():
            seconds = _seconds(step, device, clock)
            if timed:
                times[name].append(seconds)
    return times


def median_quotient(values: Sequence[float], references: Sequence[float]) -> float:
    """Return the median of each round's quotient, which a machine that slows down between rounds does not move."""
    return median(value / reference for value, reference in zip(values, references, strict=True))


def peak_bytes(step: Step, device: torch.device, held: int) -> int:
    """Return the most memory that torch's allocator had given out during a step.

    On CUDA all of the device's tensors count. On the CPU: `held`, and what the step itself allocates, as the
    allocator reports to the profiler; that counts scratch memory inside kernels too, and repeats to the byte.

    Args:
        step: To run once.
        device: Where it computes.
        held: Bytes of what exists between steps: weights and the optimizer's state.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        step()
        return torch.cuda.max_memory_allocated(device)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    return held + _allocated_peak(profiler)


def flops(step: Step) -> int:
    """Count the floating point operations of a step's matrix products, convolutions and attention.

    The tensors must be on the meta device: the counter takes the CPU's fused attention for nothing.
    """
    # The meta device knows no autocast; precision does not change the count.
    without_autocast = patch.object(torch, "autocast", lambda *args, **settings: nullcontext())
    with without_autocast, FlopCounterMode(display=False) as counter:
        step()
    return counter.get_total_flops()


def _seconds(step: Step, device: torch.device, clock: Clock) -> float:
    _wait(device)
    start = clock()
    step()
    _wait(device)
    return clock() - start


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _allocated_peak(profiler: profile) -> int:
    with TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text())["traceEvents"]
    memory = [each for each in events if each.get("name") == "[memory]"]
    changes = [each["args"] for each in sorted(memory, key=lambda each: each["ts"])]
    # The total goes on counting from one profile to the next.
    before = changes[0]["Total Allocated"] - changes[0]["Bytes"]
    return max(each["Total Allocated"] for each in changes) - before
