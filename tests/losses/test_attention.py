"""The token and the pixel loss as callbacks."""

from dataclasses import replace

import pytest
import torch
from batches import pair_batch

from lightning_compose import functional
from lightning_compose.backbones import StableDiffusion
from lightning_compose.losses import PixelLoss, TokenLoss
from lightning_compose.module import ComposeModule
from lightning_compose.needs import Needs
from lightning_compose.step import Tokens

LOSSES = [TokenLoss, PixelLoss]


@pytest.fixture
def module(tiny_pipeline):
    return ComposeModule(StableDiffusion(pretrained=str(tiny_pipeline)), caption_dropout=0.0)


def term(module, loss, step):
    return loss.compute(step.declared(module.backbone.resolve(loss.needs)), None)


def step_for(module, *losses, batch=None):
    needs = Needs()
    for loss in losses:
        needs |= loss.needs
    return module.denoising_step(batch or pair_batch([0, 1]), needs=needs)


@pytest.mark.parametrize("loss_class", LOSSES)
@pytest.mark.parametrize("variant", functional.VARIANTS)
def test_the_variant_and_the_captured_maps_reach_the_maths(module, loss_class, variant):
    loss = loss_class(variant=variant)
    step = step_for(module, loss)
    maps = [each.tokens for each in step.attention.values()]
    others = [each.others for each in step.attention.values()]
    masks = step.batch.noun_masks
    expected = {
        TokenLoss: lambda: functional.token_loss(maps, step.noun_tokens, masks, variant),
        PixelLoss: lambda: functional.pixel_loss(maps, others, step.noun_tokens, masks, variant, text_tokens=77),
    }[loss_class]()
    assert torch.equal(term(module, loss, step), expected)
    other = next(each for each in functional.VARIANTS if each != variant)
    assert term(module, loss, step) != term(module, loss_class(variant=other), step)


def test_what_is_averaged_over_are_text_tokens_however_many_tokenizers_read_them(module):
    loss = PixelLoss(variant="paper")
    step = step_for(module, loss)
    by_two = replace(step, tokens=Tokens(torch.cat([step.tokens.ids] * 2, dim=1), step.tokens.nouns))
    assert torch.equal(term(module, loss, step), term(module, loss, by_two))


@pytest.mark.parametrize("loss_class", LOSSES)
def test_default_layers_are_mid_and_decoder(module, loss_class):
    assert list(step_for(module, loss_class()).attention) == ["mid.0", "up_1.0", "up_1.1"]


def test_each_loss_sees_its_own_layers_of_one_capture(module):
    token, pixel = TokenLoss(layers=["mid"]), PixelLoss(layers=["up_1.1", "mid"])
    step = step_for(module, token, pixel)
    assert list(step.attention) == ["mid.0", "up_1.1"]
    alone = step_for(module, token)
    assert torch.equal(term(module, token, step), term(module, token, alone))
    assert list(alone.attention) == ["mid.0"]


def test_layers_by_resolution(module):
    assert list(step_for(module, TokenLoss(layers=["1/2"])).attention) == ["mid.0"]


@pytest.mark.parametrize("loss_class", LOSSES)
def test_gradients_reach_queries_and_keys_of_the_supervised_layers(module, loss_class):
    loss = loss_class(layers=["mid"])
    term(module, loss, step_for(module, loss)).backward()
    attn = module.backbone.unet.mid_block.attentions[0].transformer_blocks[0].attn2
    assert attn.to_q.weight.grad.abs().sum() > 0
    assert attn.to_k.weight.grad.abs().sum() > 0
    assert attn.to_v.weight.grad is None or not attn.to_v.weight.grad.any()
    decoder = module.backbone.unet.up_blocks.parameters()
    assert all(each.grad is None or not each.grad.any() for each in decoder)
    frozen = [each for _, component in module.backbone.frozen() for each in component.parameters()]
    assert all(each.grad is None for each in frozen)


@pytest.mark.parametrize("loss_class", LOSSES)
def test_a_batch_counts_as_the_mean_of_its_samples(module, loss_class):
    loss, batch = loss_class(), pair_batch([0, 1, 2])
    batch.noun_supervised[1], batch.noun_masks[1] = False, False
    together = term(module, loss, step_for(module, loss, batch=batch))
    module.zero_grad()
    alone = []
    for row in range(3):
        single = pair_batch([row])
        single.noun_supervised, single.noun_masks = batch.noun_supervised[[row]], batch.noun_masks[[row]]
        alone.append(term(module, loss, step_for(module, loss, batch=single)))
    assert alone[1] == 0
    torch.testing.assert_close(together, torch.stack(alone).mean())


@pytest.mark.parametrize("loss_class", LOSSES)
def test_a_batch_without_a_usable_noun_gives_a_zero_with_a_graph(module, loss_class):
    batch = pair_batch([0, 1])
    batch.noun_supervised[:], batch.noun_masks[:] = False, False
    loss = loss_class()
    value = term(module, loss, step_for(module, loss, batch=batch))
    assert value == 0
    value.backward()
    grads = [each.grad for each in module.backbone.unet.parameters() if each.grad is not None]
    assert grads
    assert not any(each.any() for each in grads)


def test_a_dropped_caption_has_no_supervision(tiny_pipeline):
    module = ComposeModule(StableDiffusion(pretrained=str(tiny_pipeline)), caption_dropout=1.0)
    loss = TokenLoss()
    step = step_for(module, loss)
    assert term(module, loss, step) == 0
    assert loss.measure(step, None)["in_mask_share"].isnan().all()


def test_the_share_inside_the_masks_is_measured(module):
    loss = TokenLoss()
    step = step_for(module, loss)
    share = loss.measure(step, None)["in_mask_share"]
    expected = functional.in_mask_share(
        [each.tokens for each in step.attention.values()], step.noun_tokens, step.batch.noun_masks
    )
    assert torch.equal(share, expected)
    assert ((share > 0) & (share < 1)).all()


def test_masks_that_vanish_at_a_layer_are_counted(module):
    batch = pair_batch([0, 1])
    batch.noun_masks[0, 0] = False
    batch.noun_masks[0, 0, 0, 0] = True  # one of 16 x 16 pixels: there at 8 x 8, gone at 4 x 4
    loss = TokenLoss(layers=["mid", "up"])
    assert loss.measure(step_for(module, loss, batch=batch), None)["vanished_masks"].tolist() == [1, 0]
    only_fine = TokenLoss(layers=["up"])
    assert only_fine.measure(step_for(module, only_fine, batch=batch), None)["vanished_masks"].tolist() == [0, 0]


@pytest.mark.parametrize("loss_class", LOSSES)
def test_bad_settings_are_refused(loss_class):
    with pytest.raises(ValueError, match="Expected `variant` to be one of"):
        loss_class(variant="codes")
    with pytest.raises(ValueError, match="Expected `layers` to be a list"):
        loss_class(layers="mid")
    with pytest.raises(ValueError, match="Expected `layers` to be a list"):
        loss_class(layers=[])


def test_an_unknown_layer_is_refused_when_training_is_set_up(module):
    with pytest.raises(ValueError, match=r"got 'up_128'. Known: .*'mid.0'"):
        module.add_loss(TokenLoss(layers=["up_128"]))
