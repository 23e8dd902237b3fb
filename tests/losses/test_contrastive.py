"""The contrastive loss as a callback."""

import pytest
import torch
from batches import pair_batch

from lightning_compose.backbones import StableDiffusion
from lightning_compose.functional import info_nce
from lightning_compose.losses import ContrastiveLoss
from lightning_compose.module import ComposeModule


@pytest.fixture
def make_module(tiny_pipeline):
    def make(loss, **arguments):
        arguments.setdefault("caption_dropout", 0.0)
        module = ComposeModule(StableDiffusion(pretrained=str(tiny_pipeline)), **arguments)
        module.add_loss(loss)
        return module

    return make


def term(module, loss, step):
    return loss.compute(step.declared(module.backbone.resolve(loss.needs)), module.losses.head(loss.name))


def test_it_compares_pooled_projected_features_with_the_caption(make_module):
    loss = ContrastiveLoss(temperature=0.5)
    module = make_module(loss)
    step = module.denoising_step(pair_batch([0, 1]))
    head = module.heads["contrastive_loss"]
    first, second = head.hidden, head.output

    def project(features):
        return second(first(features["mid"].mean(dim=(2, 3))).clamp(min=0))

    h_positive, h_negative = project(step.features_positive), project(step.features_negative)
    expected = info_nce(h_positive, h_negative, step.pooled, temperature=0.5)
    torch.testing.assert_close(term(module, loss, step), expected)
    assert (first.in_features, first.out_features, second.out_features) == (16, 16, module.backbone.pooled_width)


def test_positive_and_negative_share_caption_timestep_and_noise(make_module):
    batch = pair_batch([0, 1])
    batch.negative = batch.positive.clone()
    loss = ContrastiveLoss()
    step = make_module(loss).denoising_step(batch)
    torch.testing.assert_close(step.features_positive["mid"], step.features_negative["mid"])
    own = make_module(ContrastiveLoss(), own_negative_noise=True).denoising_step(batch)
    assert not torch.allclose(own.features_positive["mid"], own.features_negative["mid"], atol=1e-3)
    torch.testing.assert_close(own.features_positive["mid"], step.features_positive["mid"])


def test_the_caption_is_the_one_before_dropout(make_module):
    kept, dropped = (
        make_module(ContrastiveLoss(), caption_dropout=share).denoising_step(pair_batch([0])) for share in (0.0, 1.0)
    )
    assert torch.equal(kept.pooled, dropped.pooled)
    assert not torch.equal(kept.text.pooled, dropped.text.pooled)
    assert torch.equal(kept.text.pooled, kept.pooled)


def test_gradients_reach_the_encoder_and_the_head_only(make_module):
    loss = ContrastiveLoss()
    module = make_module(loss)
    term(module, loss, module.denoising_step(pair_batch([0, 1]))).backward()
    unet = module.backbone.unet

    def moved(part):
        return any(each.grad is not None and each.grad.any() for each in part.parameters())

    assert moved(unet.down_blocks)
    assert moved(unet.mid_block)
    assert moved(module.heads)
    assert not moved(unet.up_blocks)
    assert not moved(module.backbone.vae)
    assert not moved(module.backbone.text_encoder)


def test_the_prediction_does_not_depend_on_the_negatives(make_module):
    module = make_module(ContrastiveLoss())
    batch = pair_batch([0, 1])
    before = module.denoising_step(batch).prediction
    batch.negative = torch.zeros_like(batch.negative)
    torch.testing.assert_close(module.denoising_step(batch).prediction, before)


def test_a_sample_without_a_negative_counts_zero(make_module):
    loss, batch = ContrastiveLoss(), pair_batch([0, 1])
    module = make_module(loss)
    both = term(module, loss, module.denoising_step(batch))
    batch.has_negative[1] = False
    first = term(module, loss, module.denoising_step(pair_batch([0])))
    torch.testing.assert_close(term(module, loss, module.denoising_step(batch)), first / 2)
    assert both > first / 2
    batch.has_negative[0] = False
    none = term(module, loss, module.denoising_step(batch))
    assert none == 0
    none.backward()
    step = module.denoising_step(batch)
    accuracy = loss.measure(step, module.losses.head(loss.name))["accuracy"]
    assert accuracy.isnan().all()


def test_accuracy_tells_which_caption_is_nearer_to_its_own_image(make_module):
    loss = ContrastiveLoss()
    module = make_module(loss)
    batch = pair_batch([0, 1])
    head = module.losses.head(loss.name)
    accuracy = loss.measure(module.denoising_step(batch), head)["accuracy"]
    batch.positive, batch.negative = batch.negative, batch.positive
    swapped = loss.measure(module.denoising_step(batch), head)["accuracy"]
    assert torch.equal(accuracy + swapped, torch.ones(2))


def test_a_learned_temperature_is_trained_and_bounded(make_module):
    loss = ContrastiveLoss(learned_temperature=True, temperature=0.07)
    module = make_module(loss)
    head = module.losses.head(loss.name)
    assert head.temperature().item() == pytest.approx(0.07)
    for log_temperature in (head.log_temperature.item(), -20.0):
        with torch.no_grad():
            head.log_temperature.fill_(log_temperature)
        head.zero_grad()
        term(module, loss, module.denoising_step(pair_batch([0, 1]))).backward()
        assert head.log_temperature.grad.abs() > 0, "also at its bound"
    assert head.temperature().item() == pytest.approx(0.01)


def test_several_blocks_are_concatenated(make_module):
    module = make_module(ContrastiveLoss(layers=["down_0", "mid"], hidden_width=5))
    first = module.heads["contrastive_loss"].hidden
    assert (first.in_features, first.out_features) == (8 + 16, 5)


def test_other_pairs_are_further_negatives_in_training_only(make_module):
    plain, loss = ContrastiveLoss(), ContrastiveLoss(in_batch_negatives=True)
    module = make_module(loss)
    batch = pair_batch([0, 1])
    batch.captions = ["a cat", "two dogs"]
    batch.nouns = [(), ()]
    step = module.denoising_step(batch)
    assert term(module, loss, step) > term(module, plain, step)
    module.eval()
    assert torch.equal(term(module, loss, step), term(module, plain, step))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_the_head_takes_features_of_any_precision(make_module, dtype):
    module = make_module(ContrastiveLoss())
    head = module.heads["contrastive_loss"].to(dtype)
    projected = head(torch.randn(2, 16))
    assert projected.dtype == torch.float32


def test_bad_settings_are_refused(make_module):
    with pytest.raises(ValueError, match="Expected `temperature` to be above 0, got 0"):
        ContrastiveLoss(temperature=0)
    with pytest.raises(ValueError, match=r"a learned `temperature` to start at 0\.01 or above, got 0\.001"):
        ContrastiveLoss(temperature=0.001, learned_temperature=True)
    with pytest.raises(ValueError, match="Expected `layers` to be a list"):
        ContrastiveLoss(layers="mid")
    with pytest.raises(ValueError, match=r"got 'up_1'. Known: \['down_0', 'down_1', 'mid'"):
        make_module(ContrastiveLoss(layers=["up_1"]))
