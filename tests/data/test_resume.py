"""A run that was interrupted anywhere goes on with the next sample, in whole optimizer steps."""

import os
import signal
from contextlib import nullcontext
from itertools import chain

import pytest
from lightning.pytorch import Callback
from recorder import CrashAfter, CrashError, Recorder, StepLogger, quiet_trainer

from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.preemption import Preempted, Preemption
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.resume import realign_batch_progress

STEPS, GLOBAL_BATCH = 6, 4


@pytest.fixture
def data(write_set):
    root = str(write_set())

    def make(micro_batch_size=2, **changes):
        settings = {"size_px": 16, "global_batch_size": GLOBAL_BATCH, "num_workers": 0, "val_fraction": 0.4}
        return ConPairDataModule(root, micro_batch_size=micro_batch_size, **(settings | changes))

    return make


def interrupted(path, data, micro_batches):
    """Train until a crash; return what entered the steps that were finished."""
    module = Recorder()
    with pytest.raises(CrashError):
        quiet_trainer(max_steps=STEPS, callbacks=[CrashAfter(micro_batches, path)]).fit(module, data)
    done = module.global_step
    return {step: indices for step, indices in module.samples_by_step().items() if step < done}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("first_micro_batch_size", "second_micro_batch_size", "micro_batches"),
    [
        pytest.param(4, 4, 3, id="no accumulation"),
        pytest.param(2, 2, 4, id="at the end of a step"),
        pytest.param(2, 2, 5, id="inside a step"),
        pytest.param(1, 1, 3, id="inside the first step"),
        pytest.param(1, 2, 10, id="inside a step, then half the accumulation"),
        pytest.param(2, 1, 6, id="at the end of a step where validation is due, then twice the accumulation"),
        pytest.param(4, 1, 5, id="then accumulation"),
    ],
)
def test_a_resumed_run_goes_on_with_the_next_sample(
    tmp_path, data, first_micro_batch_size, second_micro_batch_size, micro_batches, workers
):
    before = interrupted(tmp_path / "c.ckpt", data(first_micro_batch_size, num_workers=workers), micro_batches)
    module, logger = Recorder(), StepLogger()
    trainer = quiet_trainer(max_steps=STEPS, logger=logger)
    trainer.fit(module, data(second_micro_batch_size, num_workers=workers), ckpt_path=tmp_path / "c.ckpt")
    after = module.samples_by_step()
    whole = {step: list(range(GLOBAL_BATCH * step, GLOBAL_BATCH * (step + 1))) for step in range(STEPS)}
    assert before | after == whole
    assert not before.keys() & after.keys()
    assert logger.steps == list(after)
    # The checkpoint of a step is saved before its validation, those inside the next step after it.
    owed = len(before) if micro_batches * first_micro_batch_size == len(before) * GLOBAL_BATCH else len(before) + 1
    assert sorted({step for step, _ in module.validated}) == [step for step in (2, 4, 6) if step >= owed]


def test_kills_in_a_row_equal_none(tmp_path, data):
    path = tmp_path / "c.ckpt"
    seen = interrupted(path, data(), 3)
    for _ in range(3):
        module = Recorder()
        with pytest.raises(CrashError):
            quiet_trainer(max_steps=100, callbacks=[CrashAfter(3, path)]).fit(module, data(), ckpt_path=path)
        seen |= {step: indices for step, indices in module.samples_by_step().items() if step < module.global_step}
    assert list(chain.from_iterable(seen.values())) == list(range(4 * GLOBAL_BATCH))


class Validates(Recorder):
    """Logs a sum over all that it validates."""

    def on_validation_epoch_start(self):
        self.validated.clear()

    def on_validation_epoch_end(self):
        self.log("val/rows", float(sum(chain.from_iterable(rows for _, rows in self.validated))))


class ValidationLogger(StepLogger):
    """Remembers what was validated, with the step under which it was logged."""

    def __init__(self):
        super().__init__()
        self.validations = []

    def log_metrics(self, metrics, step=None):
        super().log_metrics(metrics, step)
        if "val/rows" in metrics:
            self.validations.append((step, metrics["val/rows"]))


class CrashesIn(Callback):
    """Save a checkpoint in a hook, after the given optimizer step, and crash."""

    def __init__(self, hook, step, path):
        self.step, self.path = step, path
        setattr(self, hook, self.crash)

    def crash(self, trainer, *_):
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.path)
            raise CrashError


def fit(pairs, logger, max_steps=STEPS, ckpt_path=None, **settings):
    """Return what was trained on."""
    module = Validates()
    quiet_trainer(max_steps=max_steps, logger=logger, **settings).fit(module, pairs, ckpt_path=ckpt_path)
    return module.samples_by_step()


@pytest.fixture
def straight(data):
    logger = ValidationLogger()
    fit(data(), logger)
    assert [step for step, _ in logger.validations] == [1, 3, 5]
    return logger


# Checkpoints are saved in them before the validation is done, in the middle of it, and when it is done.
HOOKS = ("on_train_batch_end", "on_validation_start", "on_validation_batch_start", "on_validation_batch_end")


@pytest.mark.parametrize("step", [2, STEPS])
@pytest.mark.parametrize("cuts", [(4, 4), (1, 2)])
@pytest.mark.parametrize("hook", [*HOOKS, "on_validation_end"])
def test_a_validation_is_made_up_for_where_the_checkpoint_came_before_its_end(
    tmp_path, data, straight, hook, cuts, step
):
    path, killed = tmp_path / "c.ckpt", ValidationLogger()
    with pytest.raises(CrashError):
        fit(data(cuts[0]), killed, callbacks=[CrashesIn(hook, step, path)])
    trained = fit(data(cuts[1]), killed, ckpt_path=path, num_sanity_val_steps=1)
    assert killed.validations == straight.validations
    assert list(trained) == list(range(step, STEPS)), "and no step beyond the last"
    # Lightning logs the step that a checkpoint interrupts after its callbacks.
    assert killed.steps == [each for each in range(STEPS) if (hook, each) != ("on_train_batch_end", step - 1)]


def test_a_validation_is_not_repeated_in_the_step_after(tmp_path, data, straight):
    path, killed = tmp_path / "c.ckpt", ValidationLogger()
    with pytest.raises(CrashError):
        fit(data(), killed, callbacks=[CrashesIn("on_train_batch_start", 2, path)])
    fit(data(), killed, ckpt_path=path)
    assert killed.validations == straight.validations


@pytest.mark.parametrize("signals_at", [2, 3, STEPS])
def test_a_validation_that_a_signal_left_out_is_made_up_for(tmp_path, data, straight, signals_at):
    class Signals(Callback):
        def on_train_batch_start(self, trainer, *_):
            if trainer.global_step == signals_at - 1:
                os.kill(os.getpid(), signal.SIGTERM)

    killed, checkpoint = ValidationLogger(), Checkpoint(tmp_path, every_n_train_steps=100)
    with pytest.raises(Preempted) if signals_at < STEPS else nullcontext():
        callbacks = [Signals(), Preemption(), checkpoint]
        fit(data(), killed, callbacks=callbacks, enable_checkpointing=True)
    assert len(killed.validations) == (3 if signals_at == STEPS else (signals_at - 1) // 2)
    fit(data(), killed, ckpt_path=tmp_path / "last.ckpt")
    assert killed.validations == straight.validations


@pytest.mark.parametrize("max_steps", [2, STEPS])
def test_a_finished_run_does_not_repeat_its_last_validation(tmp_path, data, straight, max_steps):
    logger, checkpoint = ValidationLogger(), Checkpoint(tmp_path, every_n_train_steps=2)
    fit(data(), logger, max_steps=2, callbacks=[checkpoint], enable_checkpointing=True)
    fit(data(), logger, max_steps=max_steps, ckpt_path=tmp_path / "last.ckpt")
    assert logger.validations == straight.validations[: max_steps // 2]


@pytest.mark.parametrize("longer", [False, True])
@pytest.mark.parametrize(
    ("val_fraction", "changes"), [(0.0, {}), (0.4, {"limit_val_batches": 0}), (0.4, {"val_check_interval": 4})]
)
def test_nothing_is_made_up_for_where_no_validation_is_due(tmp_path, data, val_fraction, changes, longer):
    pairs = data(val_fraction=val_fraction)
    path, killed = tmp_path / "c.ckpt", ValidationLogger()
    with pytest.raises(CrashError):
        fit(pairs, killed, max_steps=2, callbacks=[CrashesIn("on_train_batch_end", 2, path)], **changes)
    trained = fit(pairs, killed, max_steps=2 + longer, ckpt_path=path, **changes)
    assert not killed.validations
    assert list(trained) == [2] * longer


class EstimatesSteps(Recorder):
    def configure_optimizers(self):
        assert self.trainer.estimated_stepping_batches == STEPS
        return super().configure_optimizers()


def test_estimating_the_steps_does_not_disturb_the_position(tmp_path, data):
    before = interrupted(tmp_path / "c.ckpt", data(), 5)
    module = EstimatesSteps()
    quiet_trainer(max_steps=STEPS).fit(module, data(), ckpt_path=tmp_path / "c.ckpt")
    assert list(before) + list(module.samples_by_step()) == list(range(STEPS))
    assert module.trained[0] == (2, [8, 9])


def test_a_finished_run_can_be_made_longer(tmp_path, data):
    trainer = quiet_trainer(max_steps=2)
    trainer.fit(Recorder(), data())
    trainer.save_checkpoint(tmp_path / "c.ckpt")
    module = Recorder()
    quiet_trainer(max_steps=4).fit(module, data(), ckpt_path=tmp_path / "c.ckpt")
    assert module.samples_by_step() == {2: [8, 9, 10, 11], 3: [12, 13, 14, 15]}


def test_a_second_fit_goes_on_too(data):
    trainer, module, pairs = quiet_trainer(max_steps=2), Recorder(), data()
    trainer.fit(module, pairs)
    trainer.fit_loop.epoch_loop.max_steps = 4
    trainer.fit(module, pairs)
    assert list(chain.from_iterable(module.samples_by_step().values())) == list(range(4 * GLOBAL_BATCH))
    assert {step for step, _ in module.validated} == {2, 4}


def test_a_module_that_does_not_repair_the_counters_is_told(tmp_path, data):
    interrupted(tmp_path / "c.ckpt", data(), 5)
    with pytest.raises(
        RuntimeError, match=r"micro-batch 4, the end of optimizer step 2, got 5.*realign_batch_progress"
    ):
        quiet_trainer().fit(Recorder(repairs=False), data(), ckpt_path=tmp_path / "c.ckpt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seed": 1}, "`seed` to stay 0, as in the checkpoint, got 1"),
        ({"global_batch_size": 8}, "`global_batch_size` to stay 4"),
        ({"val_fraction": 0.7}, "`training_samples` to stay"),
    ],
)
def test_a_resume_that_would_change_the_order_is_refused(tmp_path, data, changes, message):
    interrupted(tmp_path / "c.ckpt", data(), 3)
    with pytest.raises(ValueError, match=message):
        quiet_trainer().fit(Recorder(), data(**changes), ckpt_path=tmp_path / "c.ckpt")
    if "val_fraction" not in changes:
        quiet_trainer().validate(Recorder(), data(**changes), ckpt_path=tmp_path / "c.ckpt")


def test_another_set_of_the_same_size_is_refused_and_a_moved_one_is_not(tmp_path, write_set, make_sample):
    def data(root):
        return ConPairDataModule(str(root), size_px=16, global_batch_size=4, micro_batch_size=2, val_fraction=0.0)

    one = write_set(name="one")
    other = write_set([make_sample(number + 100) for number in range(9)], name="other")
    interrupted(tmp_path / "c.ckpt", data(one), 3)
    with pytest.raises(ValueError, match="Expected `training_set` to stay"):
        quiet_trainer().fit(Recorder(), data(other), ckpt_path=tmp_path / "c.ckpt")
    quiet_trainer().fit(Recorder(), data(one.rename(tmp_path / "moved")), ckpt_path=tmp_path / "c.ckpt")


def test_checkpoints_without_loops_are_left_alone():
    checkpoint = {"state_dict": {}, "global_step": 3}
    realign_batch_progress(checkpoint, quiet_trainer())
    assert checkpoint == {"state_dict": {}, "global_step": 3}
