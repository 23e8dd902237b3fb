"""The progress bar: optimizer steps of the whole run, closed whatever happens."""

import pytest
from batches import batches
from lightning.pytorch import Callback

from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.progress import StepProgress


def last_bar(text: str) -> str:
    return [line for line in text.replace("\r", "\n").splitlines() if line.startswith("fit:")][-1]


def test_it_counts_optimizer_steps_and_shows_the_loss(train, capsys):
    train(3, [StepProgress()], accumulation=2, enable_progress_bar=True)
    bar = last_bar(capsys.readouterr().err)
    assert "3/3" in bar
    assert "step" in bar
    assert ", loss=" in bar


def test_a_module_prints_above_it(train, module, capsys):
    module.on_train_batch_end = lambda *_: module.print("a line of the module")
    train(1, [StepProgress()], enable_progress_bar=True)
    assert "a line of the module" in capsys.readouterr().out.splitlines()


def test_a_resumed_run_starts_where_it_was(train, tmp_path, capsys):
    train(2, [Checkpoint(str(tmp_path))], enable_checkpointing=True)
    capsys.readouterr()
    train(3, [StepProgress()], ckpt_path=str(tmp_path / "last.ckpt"), enable_progress_bar=True)
    error = capsys.readouterr().err
    assert "2/3" in error
    assert "3/3" in last_bar(error)


def test_validation_and_test_have_their_own(make_trainer, module, capsys):
    trainer = make_trainer(callbacks=[StepProgress()], enable_progress_bar=True)
    trainer.validate(module, batches(2), verbose=False)
    trainer.test(module, batches(2), verbose=False)
    error = capsys.readouterr().err
    assert "validate:" in error
    assert "test:" in error


def test_it_is_closed_on_an_exception(train):
    class Fail(Callback):
        def on_train_batch_end(self, *_) -> None:
            raise RuntimeError("stop")

    progress = StepProgress()
    with pytest.raises(RuntimeError, match="stop"):
        train(2, [progress, Fail()], enable_progress_bar=True)
    assert progress._train_bar is None


def test_other_ranks_show_nothing(capsys, train):
    class Disabled(StepProgress):
        def setup(self, trainer, pl_module, stage) -> None:
            super().setup(trainer, pl_module, stage)
            self.disable()

    train(1, [Disabled()], enable_progress_bar=True)
    assert "fit:" not in capsys.readouterr().err
