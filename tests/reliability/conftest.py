"""A small set, and a folder in which the command line trains a tiny model on it."""

from pathlib import Path

import pytest
import yaml

from lightning_compose.data.shards import ShardWriter
from lightning_compose.shapes.generate import generate


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of three shards."""
    folder = tmp_path_factory.mktemp("shards") / "set"
    with ShardWriter(folder, 12) as writer:
        for sample in generate(0, "train", range(24), size_px=16):
            writer.write(sample)
    return folder


@pytest.fixture
def run_folder(root: Path, tiny_pipeline: Path, tmp_path: Path) -> Path:
    """Holds ``tiny.yaml``: steps of four samples that leave a file each, checkpoints every two steps, pictures."""
    backbone = {"class_path": "StableDiffusion", "init_args": {"pretrained": str(tiny_pipeline)}}
    sizes = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 1, "num_workers": 1}
    beacon = {"class_path": "rank_lives.Beacon", "init_args": {"folder": str(tmp_path)}}
    trainer = {"accelerator": "cpu", "strategy": "auto", "log_every_n_steps": 1, "enable_progress_bar": False}
    content = {
        "run_dir": "run",
        "model": {"backbone": backbone},
        "data": {"root": str(root), "val_fraction": 0.2, **sizes},
        "trainer": {"max_steps": 6, "val_check_interval": 4, "callbacks": [beacon], **trainer},
        "checkpoint": {"every_n_train_steps": 2},
        "pictures": {"prompts": ["a red circle"], "num_inference_steps": 1},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(content))
    return tmp_path
