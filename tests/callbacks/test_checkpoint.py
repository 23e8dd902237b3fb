"""Checkpoints: at their interval and at the end, the latest under one name."""

import torch

from lightning_compose.callbacks.checkpoint import Checkpoint


def names(folder):
    return sorted(each.name for each in folder.iterdir())


def test_the_end_is_saved_also_between_two_intervals(train, tmp_path):
    train(5, [Checkpoint(str(tmp_path / "c"), every_n_train_steps=2)], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", "step=000005.ckpt"]
    assert torch.load(tmp_path / "c/last.ckpt", weights_only=True)["global_step"] == 5


def test_all_can_be_kept(train, tmp_path):
    train(5, [Checkpoint(str(tmp_path / "c"), every_n_train_steps=2, save_top_k=-1)], enable_checkpointing=True)
    assert names(tmp_path / "c") == ["last.ckpt", *(f"step=00000{step}.ckpt" for step in (2, 4, 5))]


def test_the_end_is_not_saved_twice(train, tmp_path):
    class Counting(Checkpoint):
        saved = 0

        def _save_checkpoint(self, trainer, filepath) -> None:
            self.saved += 1
            super()._save_checkpoint(trainer, filepath)

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
