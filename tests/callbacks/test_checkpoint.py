"""Checkpoints: at their interval and at the end, the latest under one name."""

from datetime import timedelta

import pytest
import torch
from lightning.pytorch import Callback
from lightning.pytorch.plugins.io import TorchCheckpointIO

from lightning_compose.callbacks.checkpoint import Checkpoint


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def global_step(file):
    return torch.load(file, weights_only=True)["global_step"]


class Rising(Callback):
    """Log a metric that is best at the first step."""

    def on_train_batch_end(self, trainer, pl_module, *_):
        pl_module.log("rising", float(trainer.global_step))


class Counting(Checkpoint):
    saved = 0

    def _save_checkpoint(self, trainer, filepath) -> None:
        self.saved += 1
        super()._save_checkpoint(trainer, filepath)


def test_the_end_is_saved_also_between_two_intervals(train, tmp_path):
    train(5, [Checkpoint(str(tmp_path / "c"), every_n_train_steps=2)], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000005.ckpt"]
    assert torch.load(tmp_path / "c/last.ckpt", weights_only=True)["global_step"] == 5


def test_all_can_be_kept(train, tmp_path):
    train(5, [Checkpoint(str(tmp_path / "c"), every_n_train_steps=2, save_top_k=-1)], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", *(f"step=00000{step}.ckpt" for step in (2, 4, 5))]


def test_the_end_is_not_saved_twice(train, tmp_path):
    checkpoint = Counting(str(tmp_path / "c"), every_n_train_steps=2)
    train(4, [checkpoint], enable_checkpointing=True)
    assert checkpoint.saved == 2


def test_last_can_be_a_copy(train, tmp_path):
    train(1, [Checkpoint(str(tmp_path / "c"), save_last=True, save_top_k=0)], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt"]
    assert not (tmp_path / "c/last.ckpt").is_symlink()


def test_a_resumed_run_goes_on_under_the_same_name(train, tmp_path):
    last = tmp_path / "c/last.ckpt"
    train(1, [Checkpoint(str(tmp_path / "c"))], enable_checkpointing=True)
    train(2, [Checkpoint(str(tmp_path / "c"))], enable_checkpointing=True, ckpt_path=str(last))
    assert names(tmp_path / "c") == ["last.ckpt", "step=000002.ckpt"]
    assert torch.load(last, weights_only=True)["global_step"] == 2


@pytest.mark.parametrize(("steps", "last"), [(4, 4), (5, 5)])
@pytest.mark.parametrize("save_last", ["link", True])
def test_last_is_the_latest_also_where_the_best_is_an_earlier_one(train, tmp_path, steps, last, save_last):
    checkpoint = Checkpoint(str(tmp_path / "c"), every_n_train_steps=2, monitor="rising", save_last=save_last)
    train(steps, [Rising(), checkpoint], accumulation=2, enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000002.ckpt"]
    assert global_step(tmp_path / "c/last.ckpt") == last
    assert not (tmp_path / "c/last.ckpt").is_symlink()


def test_last_becomes_a_link_again_where_the_latest_is_best(train, tmp_path):
    checkpoint = Checkpoint(str(tmp_path / "c"), every_n_train_steps=1, monitor="rising", mode="max")
    train(2, [Rising(), checkpoint], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000002.ckpt"]
    assert (tmp_path / "c/last.ckpt").is_symlink()


def test_the_state_is_kept_before_the_metric_was_ever_logged(train, tmp_path):
    class Looking(Callback):
        seen = ()

        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == 3:
                self.seen = names(tmp_path / "c")

    looking = Looking()
    checkpoint = Checkpoint(str(tmp_path / "c"), every_n_train_steps=2, monitor="val/never")
    train(5, [looking, checkpoint], enable_checkpointing=True)
    assert looking.seen == ["last.ckpt"]
    assert global_step(tmp_path / "c/last.ckpt") == 5


@pytest.mark.parametrize("monitor", [None, "rising"])
def test_a_write_that_fails_leaves_the_checkpoint_before(train, tmp_path, monitor, monkeypatch):
    save = torch.save

    def half(checkpoint, handle):
        if checkpoint["global_step"] == 4:
            handle.write(b"half")
            raise InterruptedError
        save(checkpoint, handle)

    monkeypatch.setattr(torch, "save", half)
    checkpoint = Checkpoint(str(tmp_path / "c"), every_n_train_steps=2, monitor=monitor)
    with pytest.raises(InterruptedError):
        train(4, [Rising(), checkpoint], enable_checkpointing=True)
    assert global_step(tmp_path / "c/last.ckpt") == 2


def test_what_a_kill_left_goes_when_the_next_training_starts(train, tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c/step=000007.ckpt.part").write_bytes(b"half")
    train(1, [Checkpoint(str(tmp_path / "c"))], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000001.ckpt"]


class AskAt(Callback):
    """Ask for a checkpoint of one step."""

    def __init__(self, checkpoint, step):
        self.checkpoint, self.step = checkpoint, step

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            self.checkpoint.save_this_step()


class StopAt(Callback):
    """Stop before the batch that follows a step."""

    def __init__(self, step):
        self.step = step

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == self.step:
            raise InterruptedError


@pytest.mark.parametrize("step", [2, 3])
def test_any_step_can_be_asked_for_and_is_saved_once(train, tmp_path, step):
    checkpoint = Counting(str(tmp_path / "c"), every_n_train_steps=2, save_top_k=-1)
    train(4, [AskAt(checkpoint, step), checkpoint], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", *(f"step=00000{each}.ckpt" for each in sorted({2, step, 4}))]
    assert checkpoint.saved == len({2, step, 4})


def test_a_step_that_is_asked_for_is_not_ranked_by_an_old_value(train, tmp_path):
    checkpoint = Checkpoint(str(tmp_path / "c"), every_n_train_steps=2, monitor="rising", mode="max", save_top_k=3)
    with pytest.raises(InterruptedError):
        train(4, [Rising(), AskAt(checkpoint, 3), StopAt(3), checkpoint], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000002.ckpt"]
    assert global_step(tmp_path / "c/last.ckpt") == 3


def test_a_checkpoint_io_of_the_users_stays(train, tmp_path):
    class Own(TorchCheckpointIO):
        pass

    trainer = train(1, [Checkpoint(str(tmp_path / "c"))], enable_checkpointing=True, plugins=[Own()])
    assert type(trainer.strategy.checkpoint_io) is Own


def test_the_link_never_points_to_nothing(train, tmp_path):
    last = tmp_path / "c/last.ckpt"

    class Watching(Checkpoint):
        removed = 0

        def _remove_checkpoint(self, trainer, filepath) -> None:
            super()._remove_checkpoint(trainer, filepath)
            self.removed += 1
            assert last.is_file()

    watching = Watching(str(tmp_path / "c"), every_n_train_steps=1)
    train(3, [watching], enable_checkpointing=True)
    assert watching.removed == 2


def test_an_interval_of_time_works_alone(train, tmp_path):
    checkpoint = Checkpoint(str(tmp_path / "c"), train_time_interval=timedelta(0), save_top_k=-1)
    train(2, [checkpoint], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000001.ckpt", "step=000002.ckpt"]
