"""The reference computes what the package computes: else their times could not be compared."""

import pytest
import torch
from diffusers.models.attention_processor import AttnProcessor2_0

from benchmarks.models import build
from benchmarks.naive import NaiveModule
from benchmarks.variants import read_batch, with_losses
from lightning_compose.needs import Needs

TERMS = ("contrastive", "token", "pixel")


@pytest.fixture(scope="module")
def module():
    module = with_losses(build("tiny"))
    with torch.no_grad():
        for name, weight in module.backbone.unet.named_parameters():
            if "attn2.to_q" in name or "attn2.to_k" in name:
                weight.mul_(4)  # random attention is nearly uniform
    return module


@pytest.fixture(scope="module")
def batch():
    batch = read_batch(size_px=32, batch_size=6)
    batch.has_negative[1] = False
    batch.noun_supervised[2, 0] = False
    batch.noun_masks[2, 0] = False
    batch.noun_masks[3] = False
    # At the lowest resolution it vanishes.
    batch.noun_masks[4, 0] = False
    batch.noun_masks[4, 0, :3, :3] = True
    return batch


def own_terms(module, batch):
    step = module.denoising_step(batch)
    return {name: module.losses[name].compute(step, module.losses.head(name)) for name in TERMS}


def naive_terms(module, batch):
    naive = NaiveModule(module)
    return naive.loss_terms(naive.denoising_step(batch))


def gradients(module, loss):
    module.zero_grad()
    loss.backward()
    return {name: each.grad.clone() for name, each in module.named_parameters() if each.grad is not None}


def test_terms_are_equal(module, batch):
    own, naive = own_terms(module, batch), naive_terms(module, batch)
    for name in TERMS:
        assert own[name] > 0.01
        torch.testing.assert_close(naive[name], own[name], rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", TERMS)
def test_gradients_are_equal(module, batch, name):
    own = gradients(module, own_terms(module, batch)[name])
    naive = gradients(module, naive_terms(module, batch)[name])
    moved = {each for each, gradient in own.items() if gradient.abs().max() > 0}
    assert moved
    assert moved == {each for each, gradient in naive.items() if gradient.abs().max() > 0}
    difference = torch.cat([(own[each] - naive[each]).flatten() for each in moved])
    assert difference.norm() < 1e-4 * torch.cat([own[each].flatten() for each in moved]).norm()


def test_the_whole_loss_is_equal(module, batch):
    naive = NaiveModule(module)
    expected = module.training_loss(module.denoising_step(batch))
    torch.testing.assert_close(naive.training_loss(naive.denoising_step(batch)), expected)


def test_every_map_is_kept_with_its_gradient_until_it_is_let_go(module, batch):
    naive = NaiveModule(module)
    naive.denoising_step(batch)
    for maps in (naive.naive.maps, naive.naive.negative_maps):
        assert set(maps) == set(module.backbone.unet.attn_processors)
        assert all(each.requires_grad for each in maps.values())
        assert all(torch.allclose(each.sum(dim=3), torch.tensor(1.0)) for each in maps.values())
    naive.forget()
    assert not naive.naive.maps
    assert not naive.naive.negative_maps


def test_the_model_is_left_with_its_own_attention(module, batch):
    expected = module.denoising_step(batch, needs=Needs()).prediction
    module.denoising_step(batch)
    NaiveModule(module).denoising_step(batch)
    assert {type(each) for each in module.backbone.unet.attn_processors.values()} == {AttnProcessor2_0}
    assert torch.equal(module.denoising_step(batch, needs=Needs()).prediction, expected)
