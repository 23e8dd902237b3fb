"""Losses that stages switch off and on, in real training: off is off, resumed is the same, validation follows."""

import pytest
import torch
from families import load_backbone, on_both_families
from lightning.pytorch import Callback
from recorder import CrashAfter, CrashError, quiet_trainer

from lightning_compose.curriculum import Curriculum, Stage
from lightning_compose.losses import ContrastiveLoss, TokenLoss
from lightning_compose.module import ComposeModule

# Contrastive off at first, token halved at last; transitions at steps 2 and 4 of 6.
STAGES = {
    "single": Stage(steps=2, stages=["single"], losses={"contrastive_loss": 0.0}),
    "composition": Stage(steps=2, stages=["composition"]),
    "complex": Stage(steps=2, stages=["complex"], losses={"token_loss": 0.5}, lr=0.5, replay=0.5),
}
LOGGED = {f"train/{name}" for name in ("loss", "denoise", "token_loss", "contrastive_loss", "lr")}
HEAD = "heads.contrastive_loss."


class Counts(ContrastiveLoss):
    """Counts at which steps it was computed, in training and in validation."""

    def __init__(self):
        super().__init__(weight=0.2)
        self.name = "contrastive_loss"
        self.trained, self.validated = [], []

    def setup(self, trainer, pl_module, stage):
        self.trainer = trainer
        super().setup(trainer, pl_module, stage)

    def compute(self, step, head):
        (self.validated if self.trainer.validating else self.trained).append(self.trainer.global_step)
        return super().compute(step, head)


class Watch(Callback):
    """Keeps the losses of every step, and the weights after it."""

    def __init__(self):
        self.logged, self.weights, self.factors = {}, {}, {}

    def on_train_batch_end(self, trainer, pl_module, *_):
        self.weights[trainer.global_step] = {name: each.clone() for name, each in pl_module.state_dict().items()}
        self.factors[trainer.global_step] = {each.name: each.factor for each in trainer.callbacks[1:3]}
        logged = {name: float(value) for name, value in trainer.callback_metrics.items() if name in LOGGED}
        self.logged[trainer.global_step] = logged


@pytest.fixture
def fit(pipeline, make_data, tmp_path):
    def run(*callbacks, contrastive=None, schedule="strict", ckpt_path=None, **settings):
        module = ComposeModule(load_backbone(pipeline), lambda params: torch.optim.AdamW(params, lr=1e-2))
        listed = [Curriculum(STAGES, schedule), contrastive or Counts(), TokenLoss(weight=0.5), *callbacks]
        defaults = {"max_steps": -1, "max_epochs": -1, "default_root_dir": tmp_path, "limit_val_batches": 1}
        trainer = quiet_trainer(callbacks=listed, **(defaults | settings))
        trainer.fit(module, make_data(micro_batch_size=4), ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return run


def test_a_loss_that_is_off_is_not_computed_and_its_head_stands_still(fit):
    loss, watch = Counts(), Watch()
    trainer = fit(watch, contrastive=loss)
    assert loss.trained == [2, 3, 4, 5]
    heads = {
        step: {name: each for name, each in weights.items() if name.startswith(HEAD)}
        for step, weights in watch.weights.items()
    }
    assert heads[1]
    assert all(torch.equal(each, heads[2][name]) for name, each in heads[1].items())
    assert not all(torch.equal(each, heads[3][name]) for name, each in heads[2].items())
    assert {step: factors["token_loss"] for step, factors in watch.factors.items()} == dict.fromkeys(
        range(1, 5), 1.0
    ) | dict.fromkeys((5, 6), 0.5)
    assert {each.factor for each in trainer.callbacks[1:3]} == {1.0}, "the losses may be used again"


def test_the_sum_is_of_the_effective_weights(fit):
    watch = Watch()
    fit(watch)
    for step, token_weight, contrastive_weight in ((2, 0.5, 0.0), (4, 0.5, 0.2), (6, 0.25, 0.2)):
        logged = watch.logged[step]
        terms = logged["train/denoise"] + token_weight * logged["train/token_loss"]
        terms += contrastive_weight * logged.get("train/contrastive_loss", 0.0)
        assert logged["train/loss"] == pytest.approx(terms)
    rates = [watch.logged[step]["train/lr"] for step in range(1, 7)]
    assert rates == pytest.approx([1e-2] * 4 + [5e-3] * 2)


def test_validation_measures_with_the_factors_of_the_step_before_it(fit):
    loss = Counts()
    fit(contrastive=loss, val_check_interval=1, num_sanity_val_steps=1)
    # Validation after step 2 still measures the stage that ended there; the check before the start the first one.
    assert loss.validated == [3, 4, 5, 6]


@pytest.mark.parametrize(("steps", "validated"), [(2, 0), (3, 1)])
def test_validation_on_its_own_measures_as_the_training_did(fit, make_data, tmp_path, steps, validated):
    trainer = fit(max_steps=steps)
    trainer.save_checkpoint(tmp_path / "c.ckpt")
    loss, module = Counts(), trainer.lightning_module
    again = quiet_trainer(callbacks=[Curriculum(STAGES), loss, TokenLoss(weight=0.5)], limit_val_batches=1)
    module.losses._callbacks.clear()
    again.validate(module, make_data(micro_batch_size=4), ckpt_path=tmp_path / "c.ckpt", weights_only=True)
    assert len(loss.validated) == validated
    assert loss.factor == 1.0


@on_both_families
@pytest.mark.parametrize("schedule", ["strict", "gaussian"])
@pytest.mark.parametrize("steps", [2, 3, 5])
def test_a_resumed_run_has_the_very_losses_and_weights(fit, tmp_path, steps, schedule):
    whole, first, second = Watch(), Watch(), Watch()
    fit(whole, schedule=schedule)
    with pytest.raises(CrashError):
        fit(first, CrashAfter(steps, tmp_path / "c.ckpt"), schedule=schedule)
    fit(second, schedule=schedule, ckpt_path=tmp_path / "c.ckpt")
    assert first.logged | second.logged == whole.logged
    assert sorted(second.logged) == list(range(steps + 1, 7))
    assert all(torch.equal(each, second.weights[6][name]) for name, each in whole.weights[6].items())


@pytest.mark.parametrize("schedule", ["strict", "gaussian", "mixed"])
def test_the_schedules_differ_in_one_setting(fit, schedule):
    watch = Watch()
    fit(watch, schedule=schedule)
    factors = [watch.factors[step]["contrastive_loss"] for step in range(1, 7)]
    if schedule == "strict":
        assert factors == [0, 0, 1, 1, 1, 1]
    elif schedule == "gaussian":
        assert factors == sorted(factors)
        assert 0 < factors[0] < factors[1] < factors[2] < factors[3] < 1
    else:
        assert factors == pytest.approx([2 / 3] * 6)
