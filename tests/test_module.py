"""The training step, its optimizer and what it logs."""

from functools import partial

import pytest
import torch
from batches import batches, pair_batch
from families import on_both_families
from lightning.pytorch import Callback, seed_everything
from module_runs import Record, Scaled, compose_module, trainer

from lightning_compose.data.schema import Noun

pytestmark = on_both_families


@pytest.fixture
def make_module(pipeline):
    return partial(compose_module, pipeline)


def test_step_predicts_what_the_backbone_is_to_learn_of_the_positives(make_module):
    module = make_module(caption_dropout=0.0)
    step = module.denoising_step(pair_batch([0, 1]))
    shape = (2, *module.backbone.latent_shape(16, 16))
    assert step.prediction.shape == step.target.shape == step.noisy.shape == shape
    # The noise, or the way from the image to it, along which noise and target are as alike.
    assert torch.corrcoef(torch.stack([step.target.flatten(), step.noise.flatten()]))[0, 1] > 0.5
    assert step.prediction.requires_grad
    assert not step.text.sequence.requires_grad
    assert step.tokens.nouns[:, :2].any(dim=2).all()
    assert module.training_loss(step).item() == pytest.approx((step.prediction - step.target).square().mean().item())


def test_a_sample_is_noised_alike_in_any_batch(make_module):
    module = make_module()
    together, alone = module.denoising_step(pair_batch([4, 9])), module.denoising_step(pair_batch([9]))
    assert torch.equal(together.noise[1:], alone.noise)
    assert torch.equal(together.timesteps[1:], alone.timesteps)
    torch.testing.assert_close(together.noisy[1:], alone.noisy)
    assert not torch.equal(together.noise[0], together.noise[1])


def test_images_are_encoded_in_float32_under_mixed_precision(make_module):
    module = make_module()
    full = module.denoising_step(pair_batch([0]))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = module.denoising_step(pair_batch([0]))
    assert torch.equal(mixed.noisy, full.noisy)
    assert mixed.prediction.dtype == torch.bfloat16, "the denoiser itself is in half precision"


def test_validation_draws_are_not_those_of_training(make_module):
    module = make_module()
    train, val = (module.denoising_step(pair_batch([3]), stream) for stream in ("train", "val"))
    assert not torch.equal(train.noise, val.noise)


def test_dropped_captions_are_empty_and_have_no_nouns(make_module):
    module = make_module(caption_dropout=1.0)
    step = module.denoising_step(pair_batch([0, 1]))
    empty = module.backbone.tokenize([""], [()], 1)
    assert torch.equal(step.tokens.ids, empty.ids.expand(2, -1))
    assert not step.tokens.nouns.any()
    assert module.denoising_step(pair_batch([0]), "val").tokens.nouns.any(), "validation drops no caption"


def test_share_of_dropped_captions(make_module):
    module = make_module(caption_dropout=0.3)
    tokens = module.denoising_step(pair_batch(list(range(200)))).tokens
    dropped = 1 - tokens.nouns.flatten(1).any(1).float().mean()
    assert dropped.item() == pytest.approx(0.3, abs=0.08)


def test_a_step_leaves_the_global_generator_alone(make_module):
    module, before = make_module(), torch.random.get_rng_state()
    module.denoising_step(pair_batch([0]))
    assert torch.equal(before, torch.random.get_rng_state())


def test_two_runs_give_identical_losses(make_module, tmp_path):
    records = [Record(), Record()]
    for seed, record in enumerate(records):
        seed_everything(seed)  # The run's seed is the module's; the global one must not matter.
        trainer(tmp_path, record, Scaled()).fit(make_module(seed=5), batches(3))
    assert [each["train/loss"] for each in records[0].logged] == [each["train/loss"] for each in records[1].logged]


def test_what_is_logged(make_module, tmp_path):
    record = Record()
    trainer(tmp_path, record, Scaled(weight=0.5)).fit(make_module(warmup_steps=2), batches(3))
    last = record.logged[-1]
    assert last["train/loss"] == pytest.approx(last["train/denoise"] + last["train/scaled_weighted"], rel=1e-5)
    assert last["train/scaled_weighted"] == pytest.approx(0.5 * last["train/scaled"])
    assert [each["train/lr"] for each in record.logged] == pytest.approx([0.0, 0.005, 0.01])
    assert last["train/grad_norm"] > 0
    assert last["train/images_per_s"] > 0


def test_logged_terms_do_not_depend_on_the_accumulation(make_module, tmp_path):
    whole, parts = Record(), Record()
    trainer(tmp_path, whole, Scaled(), steps=2).fit(make_module(), batches(2, batch_size=4))
    trainer(tmp_path, parts, Scaled(), steps=2, accumulate_grad_batches=2).fit(make_module(), batches(4, batch_size=2))
    for name in ("train/loss", "train/denoise", "train/scaled_weighted"):
        assert parts.logged[3][name] == pytest.approx(whole.logged[1][name], rel=1e-4)


def test_unsupervised_nouns_are_counted_once(make_module):
    module, batch = make_module(caption_dropout=0.0), pair_batch([0, 1])
    batch.nouns[0] = (batch.nouns[0][0], Noun("beyond", ((100, 106),), mask=1))
    batch.noun_supervised[1, 0] = False
    batch.unsupervised.update(no_mask=1)
    step = module.denoising_step(batch)
    assert step.noun_supervised.tolist() == [[True, False, False, False], [False, True, False, False]]
    assert step.unsupervised_nouns == 2
    dropped = make_module(caption_dropout=1.0).denoising_step(pair_batch([0]))
    assert dropped.dropped.tolist() == [True]
    assert dropped.unsupervised_nouns == 0
    batch.noun_supervised[0, 1] = True
    dropped = make_module(caption_dropout=1.0).denoising_step(batch)
    assert dropped.unsupervised_nouns == 1, "a noun without a mask lacks it, whether its caption was dropped or not"


def test_gradients_are_clipped_by_their_norm(make_module, tmp_path):
    class Norm(Callback):
        def on_before_zero_grad(self, trainer, pl_module, optimizer):
            gradients = [each.grad for each in pl_module.parameters() if each.grad is not None]
            if gradients:
                self.norm = torch.nn.utils.get_total_norm(gradients)

    norm = Norm()
    trainer(tmp_path, norm, steps=2, gradient_clip_val=1e-3).fit(make_module(), batches(2))
    assert norm.norm.item() == pytest.approx(1e-3, rel=1e-3)


def test_schedule_must_be_known(make_module):
    with pytest.raises(ValueError, match=r"Expected `lr_schedule` to be one of .*'cosine'.*, got 'foo'"):
        make_module(lr_schedule="foo")


@pytest.mark.parametrize("wrong", [{"warmup_steps": -3}, {"seed": -1}])
def test_counts_must_not_be_negative(make_module, wrong):
    with pytest.raises(ValueError, match=f"Expected `{next(iter(wrong))}` to be at least 0"):
        make_module(**wrong)


def test_caption_dropout_must_be_a_share(make_module):
    with pytest.raises(ValueError, match="share in"):
        make_module(caption_dropout=1.5)
