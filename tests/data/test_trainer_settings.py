"""What the endless loader derives from, and refuses in, the Trainer's settings."""

from datetime import timedelta

import pytest
from lightning.pytorch.callbacks import GradientAccumulationScheduler
from recorder import Recorder, quiet_trainer

from lightning_compose.data.trainer_settings import prepare


def connected(**settings):
    trainer = quiet_trainer(**settings)
    trainer.strategy.connect(Recorder())
    # As `Trainer.fit` does before the DataModule's setup.
    if trainer.max_epochs is None:
        trainer.fit_loop.max_epochs = -1 if trainer.max_steps != -1 else 1000
    trainer.fit_loop.epoch_loop.val_loop._data_source.instance = []
    return trainer


def test_intervals_are_given_in_optimizer_steps_and_prepared_once():
    trainer = connected(val_check_interval=10)
    for _ in range(2):
        prepare(trainer, 4, validates=True)
        assert (trainer.accumulate_grad_batches, trainer.val_check_interval) == (4, 40)
    prepare(trainer, 2, validates=True)
    assert (trainer.accumulate_grad_batches, trainer.val_check_interval) == (2, 20)
    trainer.val_check_interval = 5
    prepare(trainer, 2, validates=True)
    assert trainer.val_check_interval == 10


@pytest.mark.parametrize(
    "settings", [{"accumulate_grad_batches": 2}, {"callbacks": [GradientAccumulationScheduler({0: 2})]}]
)
def test_accumulation_set_by_hand_is_refused(settings):
    with pytest.raises(ValueError, match="accumulation to follow from `global_batch_size`"):
        prepare(connected(**settings), 2, validates=True)


@pytest.mark.parametrize(
    "settings", [{"max_steps": -1}, {"max_epochs": 3}, {"limit_train_batches": 1}, {"overfit_batches": 2}]
)
def test_limits_that_an_endless_epoch_cannot_keep_are_refused(settings):
    with pytest.raises(ValueError, match=r"Set `max_steps`"):
        prepare(connected(**settings), 1, validates=True)


@pytest.mark.parametrize("settings", [{}, {"max_epochs": -1}, {"max_steps": -1, "max_epochs": -1}])
def test_a_run_may_end_by_steps_or_never(settings):
    prepare(connected(**settings), 1, validates=True)


@pytest.mark.parametrize(
    "settings", [{"val_check_interval": None, "check_val_every_n_epoch": 1}, {"check_val_every_n_epoch": 2}]
)
def test_validation_that_would_never_run_is_announced(settings, recwarn):
    prepare(connected(**settings), 1, validates=True)
    assert any("Validation will never run" in str(each.message) for each in recwarn)


@pytest.mark.parametrize(
    ("settings", "validates"),
    [
        ({"val_check_interval": 5, "check_val_every_n_epoch": None}, True),
        ({"val_check_interval": 5, "check_val_every_n_epoch": 1}, True),
        ({"val_check_interval": timedelta(hours=1), "check_val_every_n_epoch": None}, True),
        ({"val_check_interval": None, "check_val_every_n_epoch": 1, "limit_val_batches": 0}, True),
        ({"val_check_interval": None, "check_val_every_n_epoch": 1}, False),
        ({"fast_dev_run": 2}, True),
    ],
)
def test_nothing_is_said_when_validation_runs_or_is_not_wanted(settings, validates, recwarn):
    prepare(connected(**settings), 1, validates=validates)
    assert not any("Validation will never run" in str(each.message) for each in recwarn)
