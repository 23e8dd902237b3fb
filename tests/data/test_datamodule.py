"""ConPairDataModule under a Trainer, and its errors."""

import json
import os

import pytest
from recorder import Recorder, quiet_trainer

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.shards import ShardError, ShardSet


@pytest.fixture
def root(write_set, make_sample):
    return str(write_set([make_sample(number, negative=number % 2 == 0) for number in range(20)]))


def pairs(root, **changes):
    settings = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.4}
    return ConPairDataModule(root, **(settings | changes))


class Captions(Recorder):
    def __init__(self):
        super().__init__()
        self.trained_captions, self.validated_captions = set(), set()

    def training_step(self, batch, batch_idx):
        self.trained_captions.update(batch.captions)
        return super().training_step(batch, batch_idx)

    def validation_step(self, batch, batch_idx):
        self.validated_captions.update(batch.captions)
        super().validation_step(batch, batch_idx)


def test_every_caption_trains_or_validates_and_none_does_both(root):
    module, data = Captions(), pairs(root)
    quiet_trainer(max_steps=20, val_check_interval=20).fit(module, data)
    shards = ShardSet(root)
    assert not module.trained_captions & module.validated_captions
    assert module.trained_captions | module.validated_captions == {
        shards.read(row).annotation.caption for row in range(20)
    }
    assert sorted(index for _, indices in module.validated for index in indices) == data._val_rows.tolist()


def test_micro_batches_are_accumulated_to_global_batches(root):
    module = Recorder()
    trainer = quiet_trainer(max_steps=4, val_check_interval=2)
    trainer.fit(module, pairs(root, global_batch_size=6))
    assert trainer.accumulate_grad_batches == 3
    assert module.samples_by_step() == {step: list(range(6 * step, 6 * step + 6)) for step in range(4)}
    assert [len(indices) for _, indices in module.trained] == [2] * 12
    assert {step for step, _ in module.validated} == {2, 4}


def test_validate_and_test_run_alone(root):
    module, data = Recorder(), pairs(root, test_root=root)
    trainer = quiet_trainer()
    trainer.validate(module, data)
    assert sorted(index for _, indices in module.validated for index in indices) == data._val_rows.tolist()
    module.validated.clear()
    trainer.test(module, data)
    assert sorted(index for _, indices in module.validated for index in indices) == list(range(20))


def test_no_validation(root, recwarn):
    module = Recorder()
    quiet_trainer(num_sanity_val_steps=2).fit(module, pairs(root, val_fraction=0.0))
    assert (len(module.trained), module.validated) == (8, [])
    assert not [each for each in recwarn if "Total length" in str(each.message)]
    with pytest.raises(ValueError, match=r"`val_fraction` = 0.0, got 20 to train and 0 to validate"):
        quiet_trainer().validate(module, pairs(root, val_fraction=0.0))


def test_a_dry_run_works(root):
    module = Recorder()
    quiet_trainer(fast_dev_run=2).fit(module, pairs(root))
    assert [indices for _, indices in module.trained] == [[0, 1], [2, 3]]


def test_it_works_without_a_trainer(root):
    data = pairs(root)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch.indices == [0, 1]
    assert batch.has_negative.tolist() == [int(key) % 2 == 0 for key in batch.keys]
    state = data.state_dict()
    assert len(state.pop("training_set")) == 64
    assert state.pop("report") == {"bad": [], "unsupervised": [], "samples": 0}
    assert state == {
        "samples": 0,
        "shuffle_shards": None,
        "global_batch_size": 4,
        "seed": 0,
        "training_samples": 13,
        "past": {},
    }


class WritesRanks(Recorder):
    """Each rank writes what it saw to a file of its own."""

    def __init__(self, folder):
        super().__init__()
        self.folder = folder

    def on_train_end(self):
        seen = {"trained": self.trained, "validated": self.validated}
        (self.folder / f"{self.global_rank}.json").write_text(json.dumps(seen))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")
def test_two_ranks_share_training_and_validation(root, tmp_path):
    data = pairs(root, global_batch_size=8)
    trainer = quiet_trainer(strategy="ddp_fork", devices=2, max_steps=3, val_check_interval=3)
    trainer.fit(WritesRanks(tmp_path), data)
    ranks = [json.loads((tmp_path / f"{rank}.json").read_text()) for rank in range(2)]
    for step in range(3):
        indices = [index for rank in ranks for at, each in rank["trained"] if at == step for index in each]
        assert sorted(indices) == list(range(8 * step, 8 * step + 8))
    validated = [index for rank in ranks for _, each in rank["validated"] for index in each]
    data.setup("validate")
    assert sorted(validated) == data._val_rows.tolist()
    assert len(ranks[0]["validated"]) == len(ranks[1]["validated"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"micro_batch_size": 3}, r"multiple of `micro_batch_size` x ranks = 3 x 1 = 3, got 4"),
        ({"micro_batch_size": 0}, "`micro_batch_size` to be at least 1, got 0"),
        ({"size_px": 0}, "`size_px` to be at least 1"),
        ({"max_nouns": 0}, "`max_nouns` to be at least 1"),
        ({"num_workers": -1}, "`num_workers` to be at least 0"),
        ({"val_fraction": 1.0}, r"`val_fraction` to be a share in \[0, 1\), got 1.0"),
        ({"crop": "left"}, r"`crop` to be one of \['center', 'random'\], got 'left'"),
    ],
)
def test_bad_settings_are_refused_at_construction(changes, message):
    with pytest.raises(ValueError, match=message):
        pairs("anywhere", **changes)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(ShardError, match="nowhere"):
        quiet_trainer().fit(Recorder(), pairs(str(tmp_path / "nowhere")))


def test_a_test_without_a_set_is_an_error(root):
    with pytest.raises(ValueError, match=r"`data.test_root` .* got None"):
        quiet_trainer().test(Recorder(), pairs(root))


@pytest.mark.parametrize(
    ("val_fraction", "message"), [(1e-9, "got 20 to train and 0 to"), (1 - 1e-9, "got 0 to train")]
)
def test_an_empty_side_of_the_split_is_an_error(root, val_fraction, message):
    with pytest.raises(ValueError, match=message):
        quiet_trainer().fit(Recorder(), pairs(root, val_fraction=val_fraction))


def test_accumulation_set_by_hand_is_an_error(root):
    with pytest.raises(ValueError, match=r"got `accumulate_grad_batches` = 2"):
        quiet_trainer(accumulate_grad_batches=2).fit(Recorder(), pairs(root))
