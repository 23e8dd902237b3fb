"""The three losses in real training runs: off is off, two ranks are one, every precision."""

import os

import pytest
import torch
from families import load_backbone, on_both_families
from lightning.pytorch import Callback
from recorder import quiet_trainer

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.shards import ShardWriter
from lightning_compose.losses import ContrastiveLoss, PixelLoss, TokenLoss
from lightning_compose.module import ComposeModule
from lightning_compose.shapes.generate import generate

pytestmark = on_both_families
DENOISERS = ("backbone.unet.", "backbone.transformer.")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="Needs fork.")


def all_losses(**contrastive):
    return [ContrastiveLoss(weight=0.1, **contrastive), TokenLoss(weight=1.0), PixelLoss(weight=0.1)]


class Save(Callback):
    """Write the weights after the last step."""

    def __init__(self, path):
        self.path = path

    def on_train_end(self, trainer, pl_module):
        if trainer.is_global_zero:
            torch.save(pl_module.state_dict(), self.path)


class Switch(Callback):
    """Switch one loss off and on again, as a curriculum does."""

    def __init__(self, name):
        self.name = name

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        pl_module.losses[self.name].weight = 0.0 if trainer.global_step == 1 else 0.3


class WithoutNouns(Callback):
    """Take the masks of some samples away: those of one rank's whole micro-batch."""

    indices = (0, 2)

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        rows = [row for row, index in enumerate(batch.indices) if index in self.indices]
        batch.noun_masks[rows], batch.noun_supervised[rows] = False, False


class Logged(Callback):
    """Keep what the last step and validation logged."""

    def on_train_end(self, trainer, pl_module):
        self.values = {name: float(value) for name, value in trainer.callback_metrics.items()}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "shapes"
    with ShardWriter(folder) as writer:
        for sample in generate(0, "train", range(24), 32):
            writer.write(sample)
    return str(folder)


@pytest.fixture
def fit(pipeline, root, tmp_path):
    def run(
        *callbacks,
        backbone=None,
        data=None,
        module=None,
        module_class=ComposeModule,
        optimizer=torch.optim.AdamW,
        **settings,
    ):
        built = module_class(
            load_backbone(pipeline, **(backbone or {})),
            lambda params: optimizer(params, lr=1e-2),
            **(module or {}),
        )
        sizes = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.2}
        file = tmp_path / "weights.pt"
        trainer = quiet_trainer(callbacks=[*callbacks, Save(file)], **settings)
        trainer.fit(built, ConPairDataModule(root, **(sizes | (data or {}))))
        return torch.load(file, weights_only=True)

    return run


def assert_close(one, two, atol=2e-4):
    assert one.keys() == two.keys()
    for name, value in one.items():
        torch.testing.assert_close(
            two[name], value, atol=atol, rtol=1e-3, msg=lambda text, name=name: f"{name}: {text}"
        )


def trained(weights):
    return {name: value for name, value in weights.items() if name.startswith(DENOISERS)}


def test_losses_of_weight_zero_give_the_very_weights_of_plain_training(fit):
    off = [ContrastiveLoss(weight=0), TokenLoss(weight=0), PixelLoss(weight=0)]
    for loss in off:
        loss.compute = None  # not to be called
    plain, with_off = fit(max_steps=10), fit(*off, max_steps=10)
    assert all(torch.equal(value, with_off[name]) for name, value in plain.items())
    assert any(name.startswith("heads.contrastive_loss") for name in with_off)


@pytest.mark.parametrize("loss", all_losses(), ids=lambda loss: loss.name)
def test_each_loss_changes_the_training(fit, loss):
    plain, changed = trained(fit(max_steps=2)), trained(fit(loss, max_steps=2))
    assert any(not torch.equal(value, changed[name]) for name, value in plain.items())


@needs_fork
@pytest.mark.parametrize("switched", ["contrastive_loss", "token_loss"])
def test_two_ranks_train_the_weights_of_one(fit, switched):
    runs = [
        fit(*all_losses(), Switch(switched), WithoutNouns(), max_steps=3, **ranks)
        for ranks in ({}, {"strategy": "ddp_fork", "devices": 2})
    ]
    assert_close(*runs)


class Absolute(ComposeModule):
    """Leave the losses that are listed out."""

    def training_loss(self, step):
        return (step.prediction.float() - step.target.float()).abs().mean()


@needs_fork
@pytest.mark.filterwarnings("ignore:Expected `training_loss` to compute all losses that are on")
def test_losses_that_a_training_loss_leaves_out_stop_no_rank(fit):
    runs = [
        fit(*all_losses(), module_class=Absolute, max_steps=3, **ranks)
        for ranks in ({}, {"strategy": "ddp_fork", "devices": 2})
    ]
    assert_close(*runs)
    untrained = fit(ContrastiveLoss(weight=0), max_steps=1)
    head = [name for name in untrained if name.startswith("heads")]
    assert head
    assert all(torch.equal(untrained[name], weights[name]) for name in head for weights in runs)


@needs_fork
def test_other_pairs_are_negatives_over_all_ranks(fit):
    contrastive = {"in_batch_negatives": True, "learned_temperature": True}
    # Plain gradient descent: AdamW would blow the rounding of another micro-batch up to whole steps.
    settings = {"optimizer": torch.optim.SGD, "max_steps": 2}
    one = fit(*all_losses(**contrastive), data={"micro_batch_size": 4}, **settings)
    two = fit(*all_losses(**contrastive), strategy="ddp_fork", devices=2, **settings)
    assert_close(one, two, atol=1e-6)
    of_each_rank = fit(*all_losses(**contrastive), data={"micro_batch_size": 2}, **settings)
    with pytest.raises(AssertionError):
        assert_close(one, of_each_rank, atol=1e-6)


@pytest.mark.parametrize(
    "backbone", [{"gradient_checkpointing": True}, {"channels_last": True}], ids=["checkpointing", "channels_last"]
)
def test_options_of_the_backbone_change_nothing(fit, backbone):
    assert_close(fit(*all_losses(), max_steps=2), fit(*all_losses(), max_steps=2, backbone=backbone))


def test_half_precision_trains_and_logs_every_term(fit):
    logged = Logged()
    fit(*all_losses(), logged, max_steps=2, precision="bf16-mixed")
    for split in ("train", "val"):
        for name in ("contrastive_loss", "token_loss", "pixel_loss"):
            assert logged.values[f"{split}/{name}"] > 0
            assert logged.values[f"{split}/{name}_weighted"] > 0
        weighted = sum(value for name, value in logged.values.items() if name.startswith(split) and "weighted" in name)
        total = logged.values[f"{split}/denoise"] + weighted
        assert logged.values[f"{split}/loss"] == pytest.approx(total, rel=1e-4)
        assert 0 < logged.values[f"{split}/token_loss_in_mask_share"] < 1
        assert 0 <= logged.values[f"{split}/contrastive_loss_accuracy"] <= 1


def test_attributes_share_the_mask_of_their_noun(fit):
    nouns_only, with_attributes = Logged(), Logged()
    for logged, attributes in ((nouns_only, False), (with_attributes, True)):
        fit(TokenLoss(), logged, max_steps=1, module={"attributes": attributes, "caption_dropout": 0.0})
    assert nouns_only.values["train/token_loss"] != with_attributes.values["train/token_loss"]
    assert nouns_only.values["train/denoise"] == with_attributes.values["train/denoise"]


def test_nouns_beyond_the_columns_are_counted(fit):
    logged = Logged()
    fit(TokenLoss(), logged, max_steps=1, module={"max_noun_tokens": 1, "caption_dropout": 0.0})
    assert logged.values["train/unsupervised_nouns_per_sample"] >= 1
    assert logged.values["train/token_loss"] == 0, "every noun has several tokens here: each letter is one"


def test_negative_images_must_be_decoded_for_the_loss_that_reads_them(fit):
    with pytest.raises(ValueError, match=r"Expected `data\.negatives: true`, because the loss 'contrastive_loss'"):
        fit(ContrastiveLoss(), data={"negatives": False})
    fit(ContrastiveLoss(weight=0), data={"negatives": False}, max_steps=1)
    with pytest.raises(ValueError, match=r"Expected `data\.negatives: true`, because a loss that is on compares"):
        fit(ContrastiveLoss(weight=0), Switch("contrastive_loss"), data={"negatives": False}, max_steps=1)
