"""A small set of all three stages, and the stage of each of its samples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.schema import STAGES
from lightning_compose.data.shards import ShardSet, ShardWriter
from lightning_compose.shapes.generate import generate


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "set"
    with ShardWriter(folder) as writer:
        for sample in generate(0, "train", range(40), size_px=16):
            writer.write(sample)
    return folder


@pytest.fixture(scope="session")
def stage_of(root: Path) -> dict[str, str]:
    """The stage of each sample, by its key."""
    table = ShardSet(root).table
    return {bytes(row["key"]).decode(): STAGES[row["stage"]] for row in table}


@pytest.fixture
def make_data(root: Path) -> Callable[..., ConPairDataModule]:
    def make(**changes: Any) -> ConPairDataModule:
        sizes = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.2}
        return ConPairDataModule(str(root), **(sizes | changes))

    return make
