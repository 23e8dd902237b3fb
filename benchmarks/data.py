"""Compare this package's loader with webdataset, and with torchdata's StatefulDataLoader over it, on the same shards.

Run from the repository's root: ``python -m benchmarks.data``. Writes tables, page and chart under ``docs/``.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import torch

from benchmarks.data_loaders import (
    BATCH,
    MAX_NOUNS,
    OURS,
    PLAIN,
    STATEFUL,
    annotation_passes,
    bytes_passes,
    feature_passes,
    pair_passes,
    pillow_batches,
    stateful,
    web,
)
from benchmarks.data_sets import JPEG_SIDE_PX, BenchmarkSet, cache_set, jpeg_set, large_index, raw_set
from benchmarks.measure import Step, median_quotient, round_seconds
from benchmarks.report import draw_speeds, machine, render
from lightning_compose.data.dataset import TrainingStream
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.plan import split_rows
from lightning_compose.data.pool import Pool
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform
from lightning_compose.documentation import Row, replace_block, write_csv

DOCS = Path(__file__).parents[1] / "docs"
RESUME_AT = 1_000_000
# Fast-forwarding takes as long as reading: a hundredth of it says enough.
SKIPPED_BY_OTHERS = RESUME_AT // 100
PASSES = 3
RAW = "pairs of 64 px, bytes alone"
PARSED = "pairs of 64 px, annotation parsed"
JPEG = "JPEG pairs of 512 px with masks, batches of 8"
FEATURES = "cached features of Stable Diffusion 2"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure, print the tables and write them."""
    chosen = _parser().parse_args(arguments)
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="webdataset")
    with TemporaryDirectory() as folder:
        sets = _sets(Path(folder), chosen.samples)
        report(
            Path(chosen.docs),
            speed=speeds(sets, chosen.rounds),
            start=starts(Path(folder), sets[JPEG], chosen.resume_at, chosen.rounds),
            memory=memories(sets[JPEG]),
        )


def report(docs: Path, **parts: list[Row]) -> None:
    """Print each part's table; write its CSV and its block of the page, and the chart of the speeds."""
    for name, rows in parts.items():
        text = render(rows)
        print(f"{text}\n", flush=True)
        write_csv(docs / f"benchmarks/data_{name}.csv", rows)
        if name == "speed":
            draw_speeds(rows, docs / "images/data_benchmark.png")
            text += "\n\n![How many times as quick this loader is](images/data_benchmark.png)"
        replace_block(docs / "benchmarks.md", f"data_{name}", text)


def speeds(sets: Mapping[str, BenchmarkSet], rounds: int) -> list[Row]:
    """Measure samples a second of one core: the processor's time, so that other processes count little."""
    passes = {
        RAW: bytes_passes(sets[RAW]),
        PARSED: annotation_passes(sets[RAW]),
        JPEG: pair_passes(sets[JPEG], JPEG_SIDE_PX),
        FEATURES: feature_passes(sets[FEATURES]),
    }
    rows: list[Row] = []
    for name, each in passes.items():
        seconds = round_seconds(each, rounds, torch.device("cpu"), time.process_time)
        rows += _speed_rows(name, sets[RAW if name == PARSED else name].samples, seconds, rounds)
    return rows


def starts(folder: Path, pairs: BenchmarkSet, resume_at: int, rounds: int) -> list[Row]:
    """Measure the time to the first batch of a run, and to the next batch of one that goes on."""
    index = large_index(folder / "large", resume_at + resume_at // 4)
    small = raw_set()
    first: dict[str, Step] = {
        OURS: lambda: _first_batch(pairs.root, JPEG_SIDE_PX, 0),
        f"{PLAIN}, Pillow": lambda: _next(pillow_batches(web(pairs).decode("rgb8"))),
        f"{STATEFUL}, Pillow": lambda: _next(pillow_batches(stateful(web(pairs).decode("rgb8")))),
    }
    skipped = min(SKIPPED_BY_OTHERS, resume_at)
    later: dict[str, Step] = {
        OURS: lambda: _first_batch(index, 64, resume_at),
        f"{PLAIN}, bytes skipped": lambda: _next(islice(_endless(lambda: web(small)), skipped, None)),
        f"{STATEFUL}, bytes skipped": lambda: _next(islice(_endless(lambda: stateful(web(small))), skipped, None)),
    }
    return [
        *_start_rows("first batch of a run", dict.fromkeys(first, 0), first, rounds),
        *_start_rows("resume", {name: resume_at if name == OURS else skipped for name in later}, later, rounds),
    ]


def memories(pairs: BenchmarkSet) -> list[Row]:
    """Measure what a process holds after each of three passes, each loader in a process of its own."""
    rows: list[Row] = []
    for name in pair_passes(pairs, JPEG_SIDE_PX):
        with ProcessPoolExecutor(1, get_context("spawn")) as process:
            held = process.submit(_held_after_passes, pairs, name).result()
        passes: dict[str, str | int | float] = {f"pass_{number}": mib for number, mib in enumerate(held, 1)}
        rows.append({"content": JPEG, "loader": name, **passes})
    return rows


def _held_after_passes(pairs: BenchmarkSet, name: str) -> list[int]:
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", module="webdataset")
    read = pair_passes(pairs, JPEG_SIDE_PX)[name]
    held = []
    for _ in range(PASSES):
        read()
        lines = Path("/proc/self/status").read_text().splitlines()
        held.append(next(int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:")))
    return held


def _first_batch(root: Path, size_px: int, samples_done: int) -> None:
    """Do what `ConPairDataModule` does before its first batch, from opening the set on."""
    shards = ShardSet(root)
    rows, _ = split_rows(shards.table["caption_hash"], 0.02)
    pool = Pool(rows, 0, "order", shards.table["shard"][rows])
    reader = PairReader(shards, Transform(size_px), MAX_NOUNS)
    _next(iter(TrainingStream(reader, pool, micro_batch_size=BATCH, first_micro_batch=samples_done // BATCH)))


def _next(items: Iterator[object]) -> None:
    next(items)


def _endless(make: Callable[[], Iterable[object]]) -> Iterator[object]:
    while True:
        yield from make()


def _speed_rows(content: str, samples: int, seconds: Mapping[str, list[float]], rounds: int) -> list[Row]:
    shared: dict[str, str | int | float] = {
        "content": content,
        "rounds": rounds,
        "machine": f"{machine(torch.device('cpu'))}, load {os.getloadavg()[0]:.1f}",
    }
    return [
        {
            **shared,
            "loader": name,
            "samples_per_s": round(samples / median(times)),
            "quicker": f"{median_quotient(times, seconds[OURS]):.2f}",
        }
        for name, times in seconds.items()
    ]


def _start_rows(content: str, at: Mapping[str, int], steps: Mapping[str, Step], rounds: int) -> list[Row]:
    seconds = round_seconds(steps, min(rounds, 5), torch.device("cpu"))
    return [
        {"content": content, "loader": name, "at_sample": at[name], "seconds": f"{median(times):.2f}"}
        for name, times in seconds.items()
    ]


def _sets(folder: Path, samples: int) -> dict[str, BenchmarkSet]:
    return {
        RAW: raw_set(),
        JPEG: jpeg_set(folder / "jpeg", samples),
        FEATURES: cache_set(folder / "features", samples),
    }


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data", description=__doc__)
    parser.add_argument("--samples", type=int, default=256, help="JPEG pairs and cached features to make")
    parser.add_argument("--rounds", type=int, default=9, help="how often each pass is timed")
    parser.add_argument("--resume_at", type=int, default=RESUME_AT, help="the sample that a resume goes on from")
    parser.add_argument("--docs", default=str(DOCS), help="folder that has benchmarks.md")
    return parser


if __name__ == "__main__":
    main()
