"""How well the embedded world's base composed after each of its trainings: what more samples bring.

python -m benchmarks.base_history --csv docs/benchmarks/base_history.csv

The weights of each training are in the repository's history.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from lightning_compose.documentation import write_csv
from lightning_compose.evaluation.comparison import BOTH, MEAN, Comparison, compare
from lightning_compose.evaluation.results import FOLDER
from lightning_compose.evaluation.scores import SCORES, Score, read_scores
from lightning_compose.evaluation.table import markdown, percent

ROOT = Path(__file__).parents[1]
BASE = Path("lightning_compose/assets/shapes-base")
WEIGHTS = Path("unet/diffusion_pytorch_model.safetensors")
BATCH_SIZE = 64
# The commit that brought a training's weights, and its steps: docs/base.md tells how each went.
TRAININGS = (
    ("114ba15", 2800),
    ("5377c64", 1300),
    ("8da321a", 3200),
    ("cddc762", 1400),
    ("5f4dd0c", 3000),
    ("0fc1050", 2600),
    ("ced98aa", 2500),
    ("39f4c4c", 400),
)


def write_base(commit: str, folder: Path) -> Path:
    """Write the diffusers folder of the base as it was in a commit.

    Only the values of its U-Net have ever changed: all else is linked to.

    Raises:
        RuntimeError: When the history does not have the commit.
    """
    (folder / WEIGHTS).parent.mkdir(parents=True)
    done = subprocess.run(["git", "show", f"{commit}:{BASE / WEIGHTS}"], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"Expected the history to have {commit}, got {done.stderr.decode()!r}. Clone all of it.")
    (folder / WEIGHTS).write_bytes(done.stdout)
    others = [*(ROOT / BASE).iterdir(), ROOT / BASE / "unet/config.json"]
    for each in others:
        if each.name != WEIGHTS.parent.name:
            (folder / each.relative_to(ROOT / BASE)).symlink_to(each.resolve())
    return folder


def evaluate(base: Path, out: Path, arguments: Sequence[str]) -> list[Score]:
    """Return the scores of a diffusers folder; `arguments` are further ones of ``test``."""
    config = ["--config", str(ROOT / "configs/shapes.yaml"), "--model.backbone.init_args.pretrained", str(base)]
    command = [sys.executable, "-m", "lightning_compose", "test", *config, "--run_dir", str(out), *arguments]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    (file,) = out.glob(f"{FOLDER}/*/{SCORES}")
    return read_scores(file)


def rows(scores: Mapping[int, Sequence[Score]]) -> list[dict[str, str]]:
    """Return a row a training: the samples so far, the mean of the categories, and by how much it is above the last.

    Args:
        scores: By the number of samples that had been seen.
    """
    measured = list(scores.items())
    return [
        _row(samples, compare(measured[max(index - 1, 0)][1], after), is_first=index == 0)
        for index, (samples, after) in enumerate(measured)
    ]


def _row(samples: int, compared: Sequence[Comparison], is_first: bool) -> dict[str, str]:
    means = {each.split: each for each in compared if each.name == MEAN}
    both = means[BOTH]
    gain = f"{100 * both.difference:+.1f}", f"{100 * both.low:+.1f} to {100 * both.high:+.1f}"
    return {
        "samples seen": f"{samples:,}",
        "seen compositions, %": percent(means["seen"].after),
        "held-out compositions, %": percent(means["held_out"].after),
        "both, above the row before": "" if is_first else gain[0],
        "95 % interval": "" if is_first else gain[1],
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the base after each of its trainings.")
    parser.add_argument("--csv", type=Path, help="a file that the table is written to, too")
    options, further = parser.parse_known_args(argv)
    scores: dict[int, list[Score]] = {}
    samples = 0
    with tempfile.TemporaryDirectory() as scratch:
        for commit, steps in tqdm(TRAININGS, unit="base"):
            samples += BATCH_SIZE * steps
            base = write_base(commit, Path(scratch) / commit)
            scores[samples] = evaluate(base, Path(scratch) / f"{commit}-run", further)
    told = rows(scores)
    print(markdown([tuple(told[0]), *(tuple(each.values()) for each in told)]))
    if options.csv:
        write_csv(options.csv, told)


if __name__ == "__main__":
    main()
