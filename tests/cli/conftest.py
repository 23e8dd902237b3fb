"""A tiny run: a handful of rendered pairs, a tiny pipeline, and the config that puts them together."""

from collections.abc import Callable
from pathlib import Path

# Logs to what is stderr when it is first imported: inside a test that is a stream which ends with the test.
import lightning.pytorch  # noqa: F401
import pytest
import yaml
from families import backbone_class

from lightning_compose.data.shards import ShardWriter
from lightning_compose.shapes.generate import generate


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards") / "set"
    with ShardWriter(folder, 16) as writer:
        for sample in generate(0, "train", range(24), size_px=32):
            writer.write(sample)
    return folder


@pytest.fixture
def write_config(tmp_path, monkeypatch) -> Callable[..., str]:
    """Write a YAML file into the test's own folder, which is the working directory meanwhile; return its name."""
    monkeypatch.chdir(tmp_path)

    def write(content: dict, name: str = "tiny.yaml") -> str:
        Path(name).write_text(yaml.safe_dump(content, sort_keys=False))
        return name

    return write


@pytest.fixture
def config(shards, pipeline, write_config) -> str:
    """The config of three steps of four samples, two at a time."""
    backbone = {"class_path": backbone_class(pipeline).__name__, "init_args": {"pretrained": str(pipeline)}}
    sizes = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0}
    return write_config(
        {
            "model": {"backbone": backbone},
            "data": {"root": str(shards), "val_fraction": 0.2, **sizes},
            "trainer": {"max_steps": 3, "log_every_n_steps": 1, "accelerator": "cpu", "limit_val_batches": 2},
        }
    )
