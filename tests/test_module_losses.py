"""The module's losses: their heads, their names, and a subclass with another training loss."""

from functools import partial

import pytest
import torch
from batches import batches, pair_batch
from families import on_both_families
from lightning.pytorch import Callback
from module_runs import Record, Scaled, compose_module, trainer
from torch import nn

from lightning_compose.losses import ContrastiveLoss, LossCallback, TokenLoss
from lightning_compose.module import ComposeModule
from lightning_compose.needs import Needs

pytestmark = on_both_families


@pytest.fixture
def make_module(pipeline):
    return partial(compose_module, pipeline)


def test_a_batch_without_negatives_is_refused_when_a_loss_needs_them(make_module):
    module, batch, loss = make_module(), pair_batch([0]), ContrastiveLoss(weight=0.0)
    batch.negative = batch.positive
    module.add_loss(loss)
    module.denoising_step(batch)
    loss.weight = 0.1  # later than the check at the start
    with pytest.raises(ValueError, match=r"Expected `data\.negatives: true`, because a loss that is on compares"):
        module.denoising_step(batch)


def test_only_the_denoiser_and_the_heads_are_trained(make_module, tmp_path):
    module = make_module()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fit = trainer(tmp_path, Scaled(), steps=2)
    fit.fit(module, batches(2))
    moved = {
        name for name, value in module.state_dict().items() if name in before and not torch.equal(value, before[name])
    }
    assert {name.split(".")[1] for name in moved} == {module.backbone.trained_name}
    groups = fit.optimizers[0].param_groups
    assert [len(group["params"]) for group in groups] == [len(list(module.backbone.trained.parameters())), 2]
    assert groups[1]["weight_decay"] == 0.0


def test_head_of_a_loss_that_is_off_stands_still(make_module, tmp_path):
    class Off(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            scaled.weight = 1.0 if trainer.global_step < 2 else 0.0

    scaled, record = Scaled(), Record()
    trainer(tmp_path, scaled, Off(), record, steps=4).fit(make_module(), batches(4))
    assert not torch.equal(record.heads[0][0], record.heads[1][0]), "it moved while it was on"
    assert torch.equal(record.heads[1][0], record.heads[3][0]), "momentum must not move it while it is off"
    assert "train/scaled" in record.logged[1]


def test_a_module_may_be_trained_again_without_a_loss(make_module, tmp_path):
    module = make_module()
    trainer(tmp_path, Scaled(), steps=2).fit(module, batches(2))
    head = module.heads["scaled"].weight.detach().clone()
    trainer(tmp_path, steps=2).fit(module, batches(2))
    assert torch.equal(module.heads["scaled"].weight, head)
    trainer(tmp_path, Scaled(), steps=2).fit(module, batches(2))
    assert not torch.equal(module.heads["scaled"].weight, head)


def test_a_head_is_not_handed_to_another_loss_of_the_same_name(make_module, tmp_path):
    class Wider(LossCallback):
        def build(self, module):
            return nn.Linear(1, 2)

        def compute(self, step, head):
            return head(step.prediction.mean().view(1)).sum()

    wider = Wider()
    wider.name = "scaled"
    module = make_module()
    trainer(tmp_path, Scaled(), steps=1).fit(module, batches(1))
    trainer(tmp_path, wider, steps=1).fit(module, batches(1))
    assert module.heads["scaled"].out_features == 2


def test_a_second_training_with_other_settings_makes_the_head_anew(make_module, tmp_path):
    module = make_module()
    two = dict(list(module.backbone.feature_layers.items())[:2])
    for loss in (ContrastiveLoss(), ContrastiveLoss(hidden_width=3), ContrastiveLoss(layers=list(two))):
        trainer(tmp_path, loss, steps=1).fit(module, batches(1))
        hidden = module.heads["contrastive_loss"].hidden
        assert hidden.out_features == (loss.hidden_width or hidden.in_features)
    assert hidden.in_features == sum(two.values())


def test_losses_need_names_of_their_own(make_module, tmp_path):
    with pytest.raises(ValueError, match="name of its own"):
        trainer(tmp_path, Scaled(), Scaled()).fit(make_module(), batches(1))
    renamed = Scaled()
    renamed.name = "other"
    module = make_module()
    trainer(tmp_path, Scaled(), renamed, steps=1).fit(module, batches(1))
    assert set(module.heads) == {"scaled", "other"}


def test_a_loss_that_is_not_finite_names_the_samples(make_module, tmp_path):
    class NotANumber(LossCallback):
        def compute(self, step, head):
            return step.prediction.mean() * float("nan")

    with pytest.raises(FloatingPointError, match=r"got nan at optimizer step 0 on samples .*sample0.*sample1"):
        trainer(tmp_path, NotANumber()).fit(make_module(), batches(1))


def test_subclass_with_another_training_loss(make_module, tmp_path):
    class Absolute(ComposeModule):
        def training_loss(self, step):
            return (step.prediction - step.target).abs().mean()

    record = Record()
    module = make_module(Absolute)
    expected = module.training_loss(module.denoising_step(pair_batch([0, 1])))
    trainer(tmp_path, record, steps=1).fit(module, batches(1))
    assert record.logged[0]["train/loss"] == pytest.approx(expected.item())


class WithoutSuper(ComposeModule):
    """As a user may write it: the losses that are listed are left out, its own needs are declared alone."""

    def needs(self):
        return Needs(features=("default",))

    def training_loss(self, step):
        (name,) = self.backbone.default_features
        return (step.prediction - step.target).abs().mean() + step.features_positive[name].square().mean()


def test_a_training_loss_that_leaves_losses_out_is_told_once(make_module, tmp_path):
    module = make_module(WithoutSuper)
    with pytest.warns(UserWarning, match=r"got none of \['contrastive_loss', 'scaled'\]") as caught:
        trainer(tmp_path, Scaled(), ContrastiveLoss(), TokenLoss(weight=0.0), steps=2).fit(module, batches(2))
    assert len([each for each in caught if "got none of" in str(each.message)]) == 1


def test_needs_of_a_subclass_are_united_with_those_of_the_losses(make_module, tmp_path):
    class OnTop(WithoutSuper):
        def training_loss(self, step):
            read.update(step.attention, **step.features_positive)
            return super(WithoutSuper, self).training_loss(step) + super().training_loss(step)

    read, record = {}, Record()
    module = make_module(OnTop)
    trainer(tmp_path, TokenLoss(), record, steps=1).fit(module, batches(1))
    needed = module.backbone.resolve(Needs(("default",), ("default",)))
    assert set(read) == {*needed.attention, *needed.features}
    assert "train/token_loss_weighted" in record.logged[0]


@pytest.mark.parametrize("loss", [torch.ones(2), 1.0], ids=["vector", "number"])
def test_training_loss_returns_a_scalar(make_module, tmp_path, loss):
    class Wrong(ComposeModule):
        def training_loss(self, step):
            return loss

    with pytest.raises((ValueError, TypeError), match="Expected `training_loss` to return a scalar tensor, got"):
        trainer(tmp_path, steps=1).fit(make_module(Wrong), batches(1))
