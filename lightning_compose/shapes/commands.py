"""`python -m lightning_compose shapes`: write shards of the embedded world; `shapes prompts`: of its benchmark."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from lightning_compose.cli.errors import OneLineParser, one_line_errors
from lightning_compose.cli.whole_number import at_least
from lightning_compose.data.schema import Sample
from lightning_compose.data.shards import ShardWriter
from lightning_compose.evaluation.prompts import write_prompts
from lightning_compose.shapes.benchmark import draw_prompts
from lightning_compose.shapes.generate import generate
from lightning_compose.shapes.holdout import SPLITS
from lightning_compose.shapes.noisy import generate_noisy

PROG = "python -m lightning_compose shapes"
PROMPTS = "prompts"


def main(argv: Sequence[str] | None = None) -> None:
    """Write a set of shards, or after ``prompts`` the prompts of the benchmark, as the command line asks.

    Args:
        argv: The arguments after ``shapes``; None = those of the process.

    Raises:
        SystemExit: When an argument is wrong or the folder is not empty.
    """
    given = list(sys.argv[1:] if argv is None else argv)
    if given[:1] == [PROMPTS]:
        with one_line_errors(f"{PROG} {PROMPTS}"):
            _write_prompts(_prompts_parser().parse_args(given[1:]))
    else:
        with one_line_errors(PROG):
            _write(_parser().parse_args(given))


def _write(options: argparse.Namespace) -> None:
    if options.out.exists() and (not options.out.is_dir() or any(options.out.iterdir())):
        raise ValueError(
            f"Expected --out to be a new or empty folder, got {options.out}. Choose another, or remove it."
        )
    if options.noisy_captions and options.split != "train":
        raise ValueError(f"Expected --noisy_captions with --split train, which is pretrained on, got {options.split}.")
    samples = _samples(options)
    with ShardWriter(options.out) as writer:
        for sample in tqdm(samples, total=options.pairs, unit="pair", desc="shapes"):
            writer.write(sample)
    what = "images with noisy captions" if options.noisy_captions else "pairs"
    print(f"Wrote {options.pairs} {what} ({options.split}, seed {options.seed}, {options.size_px} px) to {options.out}")


def _write_prompts(options: argparse.Namespace) -> None:
    prompts = draw_prompts(options.per_category, options.seed)
    write_prompts(prompts, options.out)
    print(f"Wrote {len(prompts)} prompts (seed {options.seed}) to {options.out}")


def _samples(options: argparse.Namespace) -> Iterator[Sample]:
    indices = range(options.pairs)
    if options.noisy_captions:
        return generate_noisy(options.seed, indices, options.size_px)
    return generate(options.seed, options.split, indices, options.size_px)


def _parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=PROG,
        description="Write contrastive pairs of the embedded world as shards. "
        f"`prompts` writes its benchmark's prompts: see {PROG} {PROMPTS} --help.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument(
        "--out", type=Path, required=True, default=argparse.SUPPRESS, help="new or empty folder for the set"
    )
    parser.add_argument("--pairs", type=at_least(1), default=2000, help="number of pairs")
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the set")
    parser.add_argument("--split", choices=SPLITS, default="train", help="held_out = compositions never in train")
    parser.add_argument(
        "--noisy_captions",
        action="store_true",
        help="no negatives; captions as careless as on the web, attributes swapped, nouns invented; to pretrain on",
    )
    parser.add_argument("--size_px", type=at_least(16), default=64, help="side of the images")
    return parser


def _prompts_parser() -> argparse.ArgumentParser:
    parser = OneLineParser(
        prog=f"{PROG} {PROMPTS}",
        description="Write the prompts of the embedded world's benchmark, with the questions that their images answer.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, default=argparse.SUPPRESS, help="the .jsonl file")
    parser.add_argument(
        "--per_category", type=at_least(1), default=25, help="prompts of each category, as many seen as held out"
    )
    parser.add_argument("--seed", type=at_least(0), default=0, help="seed of the benchmark")
    return parser
