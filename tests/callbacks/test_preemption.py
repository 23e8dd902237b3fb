"""A signal lets the optimizer step end, saves it once, and ends the process with 128 + the signal."""

import os
import signal

import pytest
import torch
from batches import batches
from lightning.pytorch import Callback

from lightning_compose.callbacks.checkpoint import Checkpoint
from lightning_compose.callbacks.preemption import Preempted, Preemption

TERM_AND_USR1 = (signal.SIGTERM, signal.SIGUSR1)


class Send(Callback):
    """Send this process signals at a hook: a dict of hook to (global step, signals)."""

    def __init__(self, hook, step, *numbers):
        setattr(self, hook, lambda trainer, *_: self.send(trainer, step, numbers))

    def send(self, trainer, step, numbers):
        if trainer.global_step == step:
            for number in numbers:
                os.kill(os.getpid(), number)


class Saving(Checkpoint):
    """Remember the steps that were saved."""

    def __init__(self, folder, **settings):
        super().__init__(str(folder), **settings)
        self.saved = []

    def _save_checkpoint(self, trainer, filepath):
        self.saved.append(trainer.global_step)
        super()._save_checkpoint(trainer, filepath)


@pytest.fixture
def handlers():
    """What is called for a signal that nobody keeps, as the number of calls."""
    calls = []
    before = {number: signal.signal(number, lambda *each: calls.append(each[0])) for number in TERM_AND_USR1}
    yield calls
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("numbers", "code"),
    [
        ([signal.SIGTERM], 143),
        ([signal.SIGUSR1], 138),
        ([signal.SIGTERM, signal.SIGTERM], 143),
        ([signal.SIGUSR1, signal.SIGTERM], 143),
    ],
)
def test_the_step_in_which_a_signal_comes_is_saved_and_is_the_last(train, tmp_path, handlers, numbers, code):
    saving = Saving(tmp_path / "c", every_n_train_steps=100)
    # In the first of two micro-batches.
    send = Send("on_train_batch_start", 2, *numbers)
    with pytest.raises(Preempted) as ended:
        train(9, [send, saving, Preemption()], accumulation=2, enable_checkpointing=True)
    assert (ended.value.code, saving.saved, handlers) == (code, [3], [])
    assert torch.load(tmp_path / "c/last.ckpt", weights_only=True)["global_step"] == 3


def test_a_step_that_is_saved_anyway_is_not_saved_twice(train, tmp_path, handlers):
    saving = Saving(tmp_path / "c", every_n_train_steps=3)
    with pytest.raises(Preempted):
        train(9, [Send("on_train_batch_start", 2, signal.SIGTERM), saving, Preemption()], enable_checkpointing=True)
    assert saving.saved == [3]


def test_without_a_checkpoint_it_ends_all_the_same(train, handlers):
    with pytest.raises(Preempted) as ended:
        train(9, [Send("on_train_batch_start", 2, signal.SIGTERM), Preemption()])
    assert ended.value.code == 143


def test_the_last_step_ends_as_usual(train, tmp_path, handlers):
    saving = Saving(tmp_path / "c", every_n_train_steps=100)
    send = Send("on_train_batch_start", 2, signal.SIGTERM)
    train(3, [send, saving, Preemption()], enable_checkpointing=True)
    assert saving.saved == [3]


class ValidationCounter(Callback):
    seen = 0

    def on_validation_start(self, *_):
        self.seen += 1


@pytest.mark.parametrize("hook", ["on_train_batch_start", "on_validation_end"])
def test_a_validation_that_is_due_waits_for_the_next_life(module, make_trainer, handlers, hook):
    # At the second step: in its batch, before the validation; or in the validation after the first one.
    step = 1
    counter = ValidationCounter()
    callbacks = [Send(hook, step, signal.SIGTERM), Preemption(), counter]
    trainer = make_trainer(max_steps=9, callbacks=callbacks, val_check_interval=1, num_sanity_val_steps=0)
    with pytest.raises(Preempted):
        trainer.fit(module, batches(9), batches(1))
    assert (trainer.global_step, counter.seen) == (2, 1)


@pytest.mark.parametrize("hook", ["on_fit_start", "on_sanity_check_start"])
def test_before_training_a_signal_does_what_it_would_without(module, make_trainer, handlers, hook):
    trainer = make_trainer(max_steps=2, callbacks=[Preemption(), Send(hook, 0, *TERM_AND_USR1)])
    trainer.fit(module, batches(2), batches(1))
    assert handlers == list(TERM_AND_USR1)


@pytest.mark.parametrize("hook", ["on_train_end", "on_fit_end"])
def test_at_the_end_a_signal_lets_it_end(train, handlers, hook):
    train(2, [Preemption(), Send(hook, 2, *TERM_AND_USR1)])
    assert handlers == []


class Failing(Callback):
    def on_train_batch_start(self, *_):
        raise ArithmeticError


def test_the_handlers_are_put_back_also_after_an_exception(train, handlers):
    before = [signal.getsignal(number) for number in TERM_AND_USR1]
    train(1, [Preemption()])
    assert [signal.getsignal(number) for number in TERM_AND_USR1] == before
    with pytest.raises(ArithmeticError):
        train(1, [Preemption(), Failing()])
    assert [signal.getsignal(number) for number in TERM_AND_USR1] == before


def test_a_signal_while_the_process_ends_changes_nothing(train, handlers):
    class Slow(Callback):
        def on_exception(self, *_):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Preempted):
        train(9, [Send("on_train_batch_start", 2, signal.SIGTERM), Preemption(), Slow()])
    os.kill(os.getpid(), signal.SIGTERM)
    assert handlers == []


def test_one_callback_serves_two_fits(train, handlers):
    preemption = Preemption()
    send = Send("on_train_batch_start", 2, signal.SIGTERM)
    with pytest.raises(Preempted):
        train(9, [send, preemption])
    train(2, [preemption])
