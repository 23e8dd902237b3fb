"""The count of operations: right for a layer counted by hand, for losses that come and go, over lives; and no trace."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from batches import pair_batch
from lightning.pytorch import Callback, LightningModule, Trainer
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.data import DataLoader
from torch.utils.flop_counter import FlopCounterMode

from lightning_compose.callbacks.flops import METRIC, Flops, OperationCounter
from lightning_compose.data.resume import realign_batch_progress
from lightning_compose.losses import ContrastiveLoss
from lightning_compose.losses.terms import LossTerms

FEATURES, OUTPUTS = 4, 3


class OneLayer(LightningModule):
    """A layer whose step has one product forward, and backward the one for its weights."""

    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(FEATURES, OUTPUTS)
        self.losses = LossTerms(torch.nn.ModuleDict())

    def training_step(self, batch, batch_idx):
        return self.layer(batch).sum()

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


class TurnOff(Callback):
    """Turns a loss off for the second optimizer step."""

    def __init__(self, loss):
        self.loss = loss

    def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
        self.loss.factor = float(trainer.global_step != 1)


class Record(Callback):
    """Keeps the count after every batch."""

    def __init__(self):
        self.counts = []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.counts.append(trainer.callback_metrics[METRIC].item())


def vectors(number, batch_size=2):
    return DataLoader([torch.ones(batch_size, FEATURES)] * number, batch_size=None)


def fit_layer(make_trainer, steps, batch_size=2, **settings):
    record = Record()
    trainer = make_trainer(max_steps=steps, callbacks=[Flops(count=True), record], **settings)
    trainer.fit(OneLayer(), vectors(8, batch_size))
    return record.counts


@pytest.mark.parametrize("batch_size", [1, 2])
def test_equals_a_count_by_hand(make_trainer, batch_size):
    product = 2 * batch_size * FEATURES * OUTPUTS
    assert fit_layer(make_trainer, 3, batch_size) == [2 * product, 4 * product, 6 * product]


def test_counts_all_ranks(make_trainer, monkeypatch):
    alone = fit_layer(make_trainer, 2)
    monkeypatch.setattr(Trainer, "world_size", 3)
    assert fit_layer(make_trainer, 2) == [3 * each for each in alone]


def test_counts_every_micro_batch(make_trainer):
    assert fit_layer(make_trainer, 2, accumulate_grad_batches=2)[-1] == 4 * fit_layer(make_trainer, 1)[-1]


def test_counts_again_where_other_losses_are_on(train, module):
    contrastive, record = ContrastiveLoss(), Record()
    contrastive.name = "contrastive"
    train(3, [contrastive, TurnOff(contrastive), Flops(count=True), record])
    with_pairs, without = record.counts[0], record.counts[1] - record.counts[0]
    assert 0 < without < with_pairs
    assert record.counts[2] == 2 * with_pairs + without


def test_goes_on_where_a_checkpoint_was_saved(make_trainer, tmp_path):
    straight = fit_layer(make_trainer, 4)
    settings = {"callbacks": [Flops(count=True)], "max_steps": 2}
    first = make_trainer(**settings)
    first.fit(OneLayer(), vectors(8))
    first.save_checkpoint(tmp_path / "two.ckpt")
    record = Record()
    second = make_trainer(max_steps=4, callbacks=[Flops(count=True), record])
    second.fit(OneLayer(), vectors(8), ckpt_path=tmp_path / "two.ckpt", weights_only=True)
    assert record.counts == straight[2:]


class Validated(OneLayer):
    """Keeps the steps that were validated."""

    def __init__(self):
        super().__init__()
        self.validated = []

    def validation_step(self, batch, batch_idx):
        self.validated.append(self.trainer.global_step)

    def on_load_checkpoint(self, checkpoint):
        realign_batch_progress(checkpoint, self.trainer)


class SaveAt(Callback):
    """Saves a step as a preemption does: before its validation."""

    def __init__(self, step, file):
        self.step, self.file = step, file

    def on_train_batch_end(self, trainer, *_):
        if trainer.global_step == self.step:
            trainer.save_checkpoint(self.file)


STEP_OPERATIONS = 2 * (2 * 2 * FEATURES * OUTPUTS)


def validated(make_trainer, steps_of_cost, *others, accumulation=1, ckpt_path=None):
    flops = Flops(count=True, validate_at=steps_of_cost * STEP_OPERATIONS * accumulation)
    settings = {"val_check_interval": 4 * accumulation, "check_val_every_n_epoch": None, "num_sanity_val_steps": 0}
    trainer = make_trainer(max_steps=8, callbacks=[flops, *others], accumulate_grad_batches=accumulation, **settings)
    module = Validated()
    trainer.fit(module, vectors(8 * accumulation), vectors(1), ckpt_path=ckpt_path, weights_only=True)
    return module.validated


@pytest.mark.parametrize(
    ("steps_of_cost", "steps"),
    [(6, [4, 6, 8]), (6.9, [4, 6, 8]), (2, [2, 4, 8]), (4, [4, 8]), (8, [4, 8]), (20, [4, 8])],
)
@pytest.mark.parametrize("accumulation", [1, 2])
def test_the_last_step_within_a_cost_is_validated_too(make_trainer, steps_of_cost, steps, accumulation):
    assert validated(make_trainer, steps_of_cost, accumulation=accumulation) == steps


@pytest.mark.parametrize(("saved", "steps"), [(5, [6, 8]), (6, [6, 8]), (7, [8])])
def test_the_next_life_makes_up_for_that_validation_once(make_trainer, tmp_path, saved, steps):
    file = tmp_path / "saved.ckpt"
    validated(make_trainer, 6, SaveAt(saved, file))
    assert validated(make_trainer, 6, ckpt_path=file) == steps


def test_refuses_a_cost_that_is_not_counted():
    with pytest.raises(ValueError, match="Set `count` to true"):
        Flops(validate_at=1.0)


def test_leaves_no_trace_in_a_training(train, module):
    start = {name: value.clone() for name, value in module.state_dict().items()}
    trained = []
    for counts in (False, True):
        module.load_state_dict(start)
        torch.manual_seed(0)
        trainer = train(2, [Flops(counts)])
        trained.append([*(each.clone() for each in module.backbone.unet.parameters()), torch.get_rng_state()])
        assert (METRIC in trainer.callback_metrics) == counts
    assert all(torch.equal(one, other) for one, other in zip(*trained, strict=True))


def test_stops_counting_when_the_step_fails(make_trainer):
    class Fails(OneLayer):
        def training_step(self, batch, batch_idx):
            raise ArithmeticError

    with pytest.raises(ArithmeticError):
        make_trainer(max_steps=1, callbacks=[Flops(count=True)]).fit(Fails(), vectors(1))
    assert torch.utils._python_dispatch._get_current_dispatch_mode() is None


def test_fused_attention_on_the_cpu_costs_what_its_products_do():
    counts = {}
    for backend in (SDPBackend.MATH, SDPBackend.FLASH_ATTENTION):
        query, key, value = (torch.rand(2, 3, n, 8, requires_grad=True) for n in (5, 7, 7))
        with sdpa_kernel(backend), OperationCounter() as counter:
            F.scaled_dot_product_attention(query, key, value).sum().backward()
        counts[backend] = counter.operations
    # Its backward pass computes the scores anew.
    scores = 2 * 2 * 3 * 5 * 7 * 8
    assert counts[SDPBackend.FLASH_ATTENTION] == counts[SDPBackend.MATH] + scores


def test_counts_a_whole_step_as_torch_does(module):
    counts = []
    for counter in (FlopCounterMode(display=False), OperationCounter()):
        with sdpa_kernel(SDPBackend.MATH), counter:
            module.training_loss(module.denoising_step(pair_batch([0, 1]))).backward()
        counts.append(counter)
    assert counts[0].get_total_flops() == counts[1].operations > 0
