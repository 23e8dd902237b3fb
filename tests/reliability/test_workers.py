"""Loader workers of any kind see their rank, and three passes cost no more than one; the claims C21 and C22."""

import contextlib
import gc
import os
from itertools import islice
from pathlib import Path

import pytest
from lightning.pytorch import Callback

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.shards import ShardWriter
from lightning_compose.shapes.generate import generate
from tests.recorder import Recorder, quiet_trainer

SAMPLES, SIZE_PX = 40, 192
SAMPLE_BYTES = 2 * 3 * SIZE_PX**2


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A set of ten shards; one pass decodes nearly 9 MB."""
    folder = tmp_path_factory.mktemp("shards") / "set"
    with ShardWriter(folder, 4) as writer:
        for sample in generate(0, "train", range(SAMPLES), SIZE_PX):
            writer.write(sample)
    return str(folder)


def pairs(root, **settings):
    defaults = {"size_px": SIZE_PX, "global_batch_size": 4, "micro_batch_size": 2, "val_fraction": 0.0}
    return ConPairDataModule(root, **(defaults | settings))


class RankOfTwo:
    """What the datamodule asks of a Trainer, as the second of two ranks."""

    def __init__(self, trainer):
        self.trainer = trainer

    def __getattr__(self, name):
        return {"world_size": 2, "global_rank": 1}.get(name) or getattr(self.trainer, name)


@pytest.mark.parametrize("start", ["fork", "forkserver", "spawn"])
def test_c21_workers_see_the_right_rank_however_they_start(root, monkeypatch, start):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    data = pairs(root, num_workers=1)
    data.trainer = RankOfTwo(quiet_trainer(max_steps=4, max_epochs=-1))
    data.setup("fit")
    loader = data.train_dataloader()
    loader.multiprocessing_context = start
    assert [batch.indices for batch in islice(loader, 3)] == [[2, 3], [6, 7], [10, 11]]


class Usage(Callback):
    """Note the open files and the memory of this process and its workers at the end of every pass."""

    def __init__(self, root, steps_a_pass):
        self.root = root
        self.steps_a_pass = steps_a_pass
        self.files, self.descriptors, self.memory_bytes = [], [], []

    def setup(self, trainer, pl_module, stage):
        self.others = set(children(os.getpid()))

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        micro_batches = self.steps_a_pass * trainer.accumulate_grad_batches
        if (batch_idx + 1) % micro_batches == 0:
            gc.collect()
            workers = [each for each in children(os.getpid()) if each not in self.others]
            processes = [os.getpid(), *workers]
            opened = [descriptors(process) for process in processes]
            self.files.append([sum(each.startswith(self.root) for each in of_process) for of_process in opened])
            self.descriptors.append(sum(map(len, opened)))
            self.memory_bytes.append(sum(map(resident_bytes, processes)))


def children(process):
    return [int(each) for each in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def descriptors(process):
    """Return what a process holds open, by name."""
    names = []
    for descriptor in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            names.append(os.readlink(descriptor))
    return names


def resident_bytes(process):
    """Return a process's own memory. A page that it ceases to share with its parent does not change it."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Needs Linux's /proc.")
@pytest.mark.parametrize("workers", [0, 2])
def test_c22_memory_and_open_files_stay_flat_over_three_passes(root, workers):
    steps_a_pass = SAMPLES // 4
    usage = Usage(root, steps_a_pass)
    # The first pass opens the shards and fills the allocator.
    trainer = quiet_trainer(max_steps=4 * steps_a_pass, max_epochs=-1, callbacks=[usage], val_check_interval=1000)
    trainer.fit(Recorder(), pairs(root, num_workers=workers))
    assert len(usage.files) == 4
    assert usage.files[1] == usage.files[2] == usage.files[3]
    assert min(usage.files[1][-workers:]) >= SAMPLES // 4, "each process that reads opened all shards"
    # Batches on their way from a worker are open files too, some tens at a time; a leak of one a micro-batch is 40.
    assert usage.descriptors[3] - usage.descriptors[1] < 30
    growth_bytes = usage.memory_bytes[3] - usage.memory_bytes[1]
    assert growth_bytes < SAMPLES * SAMPLE_BYTES / 4, "a quarter of what one of the two passes decodes"
