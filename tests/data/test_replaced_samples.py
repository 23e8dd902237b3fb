"""A bad sample's place is taken by another one, and no other sample moves; claim C17."""

import json
import os

import numpy as np
import pytest
from damaged_sets import flip
from recorder import CrashAfter, CrashError
from staged_runs import Keys, quiet_trainer, run
from torch.utils.data import DataLoader

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.dataset import TrainingStream
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.plan import Plan
from lightning_compose.data.pool import Pool
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform

SAMPLES, STEPS, BATCH = 24, 9, 4
DAMAGED = (1, 2, 7, 12)
CUTS = [(1, 0), (1, 2), (2, 0), (2, 1), (2, 3), (4, 0)]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path, monkeypatch):
    # A curriculum draws its timeline where the run is.
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def root(write_set, make_sample):
    return write_set([make_sample(number) for number in range(SAMPLES)], samples_per_shard=4)


@pytest.fixture
def damaged(root):
    """The same set, four of whose samples are bad."""
    for row in DAMAGED:
        flip(root, row, ("positive", "negative", "json")[row % 3])
    return root


def staged_plan(root):
    """Three stages of three steps, each with a sample of the one before."""
    stages = ShardSet(root).table["stage"]
    pools = {str(stage): Pool(np.flatnonzero(stages == stage), 0, f"order/{stage}") for stage in range(3)}
    return Plan(pools, np.repeat([[4, 0, 0], [1, 3, 0], [0, 1, 3]], 3, axis=0), seed=0)


def samples(root, ranks=1, workers=0, first_step=0, skip=True):
    """What all ranks read, key and pixels by global index, and the keys of what was bad."""
    plan = staged_plan(root)
    reader = PairReader(ShardSet(root), Transform(16, "random", True), 4, True, plan.replacements if skip else None)
    sizes = {"micro_batch_size": BATCH // ranks, "world_size": ranks}
    found, bad = {}, set()
    for rank in range(ranks):
        stream = TrainingStream(reader, plan, first_micro_batch=first_step, rank=rank, **sizes)
        loader = DataLoader(stream, batch_size=None, num_workers=workers)
        for batch, _ in zip(loader, range(STEPS - first_step), strict=False):
            pixels = [each.numpy().tobytes() for each in batch.positive]
            found |= dict(zip(batch.indices, zip(batch.keys, pixels, strict=True), strict=True))
            bad |= {each.key for each in batch.bad}
    return found, bad


@pytest.fixture
def whole(root):
    return samples(root, skip=False)[0]


def test_c17_no_other_sample_moves(whole, damaged):
    found, bad = samples(damaged)
    shards = ShardSet(damaged)
    stages = {shards.key(row): int(shards.table["stage"][row]) for row in range(SAMPLES)}
    assert bad == {shards.key(row) for row in DAMAGED}
    replaced = {index for index, (key, _) in whole.items() if key in bad}
    assert len(replaced) >= len(DAMAGED)
    assert {index for index in whole if found[index] != whole[index]} == replaced
    assert all(stages[found[index][0]] == stages[whole[index][0]] for index in replaced), "of the same stage"
    assert not bad & {key for key, _ in found.values()}


@pytest.mark.parametrize(("ranks", "workers"), CUTS)
def test_c17_on_any_ranks_and_workers_the_same_sample_takes_its_place(damaged, ranks, workers):
    assert samples(damaged, ranks, workers) == samples(damaged)


@pytest.mark.parametrize("first_step", range(1, STEPS))
def test_c17_after_a_resume_too(damaged, first_step):
    found, _ = samples(damaged)
    assert samples(damaged, first_step=first_step)[0] == {i: each for i, each in found.items() if i >= 4 * first_step}


# -- real runs ---------------------------------------------------------------------------------------


class KeysOfRanks(Keys):
    """Each rank writes what it trained on, and what the report knows, to a file of its own."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_train_end(self):
        bad = [each.key for each in self.trainer.datamodule.report.findings() if each.kind == "bad"]
        (self.folder / f"{self.global_rank}.json").write_text(json.dumps([list(self.keys.values()), bad]))


def data(root, **changes):
    settings = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.1}
    return ConPairDataModule(str(root), on_bad_sample="skip", **(settings | changes))


@pytest.fixture
def straight(damaged):
    module = run(data(damaged))
    return module.keys, module.trainer.datamodule.report


# (micro-batches until the crash, workers of the life after it); every second one is inside a step.
@pytest.mark.parametrize(("micro_batches", "workers"), [(1, 0), (4, 2), (6, 0), (7, 1), (10, 2)])
def test_c17_a_run_that_was_interrupted_gets_the_same_samples_and_tells_the_same(
    damaged, straight, tmp_path, micro_batches, workers
):
    keys, report = straight
    first = Keys()
    with pytest.raises(CrashError):
        run(data(damaged), module=first, callbacks=[CrashAfter(micro_batches, tmp_path / "a.ckpt")])
    second = run(data(damaged, num_workers=workers), ckpt_path=tmp_path / "a.ckpt")
    assert first.finished() | second.keys == keys
    findings = second.trainer.datamodule.report.findings()
    assert {each for each in findings if each.key} == {each for each in report.findings() if each.key}
    if micro_batches % 2 == 0:
        assert findings == report.findings()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")
def test_c17_two_ranks_train_on_the_same_and_know_of_each_others_bad_samples(damaged, tmp_path):
    one = Keys()
    quiet_trainer(max_steps=6, val_check_interval=6).fit(one, data(damaged))
    trainer = quiet_trainer(
        strategy="ddp_fork",
        devices=2,
        max_steps=6,
        val_check_interval=6,
        enable_checkpointing=True,
        default_root_dir=tmp_path,
    )
    trainer.fit(KeysOfRanks(tmp_path), data(damaged, num_workers=1))
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1)]
    keys = [sorted([*first, *second]) for first, second in zip(ranks[0][0], ranks[1][0], strict=True)]
    assert keys == [sorted(each) for each in one.keys.values()]
    assert ranks[0][1] == ranks[1][1] != []
