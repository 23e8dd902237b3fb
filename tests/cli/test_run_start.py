"""What an earlier run left gives way only to a run that really starts."""

from pathlib import Path

import pytest

from lightning_compose.cli import main

RUN = Path("runs/tiny")


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and path.name != ".lock"}


@pytest.mark.parametrize(
    "mistake",
    [
        ["--data.root", "nowhere"],
        ["--data.val_fraction", "0.999999"],
        ["--model.lr_schedule", "foo"],
        ["--model.optimizer", "AdamW", "--model.optimizer.lr", "-1"],
        ["--data.size_px", "17"],
        ["--trainer.accumulate_grad_batches", "3"],
    ],
)
def test_a_run_that_fails_before_its_first_step_leaves_the_folder_as_it_was(config, mistake):
    (RUN / "csv/version_0").mkdir(parents=True)
    for name in ("config.yaml", "csv/version_0/metrics.csv"):
        (RUN / name).write_text("of an earlier run")
    before = contents(RUN)
    with pytest.raises((SystemExit, ValueError)):
        main(["fit", "--config", config, *mistake])
    assert contents(RUN) == before
