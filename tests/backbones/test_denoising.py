"""What Stable Diffusion's `denoise` returns beside the prediction, and at what price."""

import copy
from functools import partialmethod

import pytest
import torch
from diffusers import UNet2DConditionModel
from sd21_configs import COMPONENTS
from tiny_models import save_tiny_pipeline
from torch._dynamo.utils import counters
from torch.utils.flop_counter import FlopCounterMode

from lightning_compose.backbones import StableDiffusion
from lightning_compose.backbones.unet import cross_attention, encoder_blocks, kept_outputs
from lightning_compose.needs import Needs
from lightning_compose.step import Text

EVERYTHING = Needs(attention=("down", "mid", "up"), features=("down", "mid"), negatives=True)
LOSSES = Needs(attention=("default",), features=("mid",), negatives=True)


@pytest.fixture(scope="module")
def backbone(tiny_pipeline):
    return StableDiffusion(pretrained=str(tiny_pipeline))


def draw(*shape, seed):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def inputs(batch=2, columns=8):
    """Positives, timesteps, text, negatives and a readout; latents are not square."""
    latents, negatives = draw(batch, 4, 8, 12, seed=0), draw(batch, 4, 8, 12, seed=1)
    text, readout = draw(batch, 77, 16, seed=2), (draw(batch, 77, columns, seed=3) > 1).float()
    return latents, torch.arange(batch) * 100 + 5, Text(text, text[:, 0]), negatives, readout


def denoise(backbone, needs, batch=2, columns=8):
    latents, timesteps, text, negatives, readout = inputs(batch, columns)
    needs = backbone.resolve(needs)
    return backbone.denoise(latents, timesteps, text, needs, negatives if needs.negatives else None, readout)


def gradients(backbone, needs=EVERYTHING):
    """Parameter gradients of a loss of everything that is returned."""
    backbone.unet.zero_grad()
    seen = denoise(backbone, needs)
    features = [*seen.features_positive.values(), *seen.features_negative.values()]
    loss = sum(each.square().mean() for each in (seen.positive, *features))
    (loss + sum((each + 0.1).log().mean() for each in seen.maps.values())).backward()
    return {name: each.grad for name, each in backbone.unet.named_parameters()}


def test_nothing_asked_is_the_plain_forward_to_the_bit(backbone):
    latents, timesteps, text, _, readout = inputs()
    seen = backbone.denoise(latents, timesteps, text, readout=readout)
    assert torch.equal(seen.positive, backbone.unet(latents, timesteps, text.sequence).sample)
    assert seen.maps == seen.features_positive == seen.features_negative == {}


def test_features_leave_the_prediction_to_the_bit(backbone):
    seen = denoise(backbone, Needs(features=("down", "mid")))
    assert torch.equal(seen.positive, denoise(backbone, Needs()).positive)
    assert not seen.features_negative


def test_everything_leaves_the_prediction_but_for_rounding(backbone):
    torch.testing.assert_close(denoise(backbone, EVERYTHING).positive, denoise(backbone, Needs()).positive)


def test_negatives_do_not_reach_the_prediction_or_the_maps(backbone):
    latents, timesteps, text, negatives, readout = inputs()
    negatives.requires_grad_()
    needs = backbone.resolve(EVERYTHING)
    seen = backbone.denoise(latents, timesteps, text, needs, negatives, readout)
    other = backbone.denoise(latents, timesteps, text, needs, negatives + 1, readout)
    assert torch.equal(seen.positive, other.positive)
    assert all(torch.equal(maps, other.maps[name]) for name, maps in seen.maps.items())
    assert not torch.equal(seen.features_negative["mid"], other.features_negative["mid"])
    (seen.positive.sum() + sum(maps.square().sum() for maps in seen.maps.values())).backward()
    assert not negatives.grad.any()


def test_features_are_those_of_a_forward_of_both(backbone):
    latents, timesteps, text, negatives, _ = inputs()
    with kept_outputs(encoder_blocks(backbone.unet)) as expected:
        backbone.unet(torch.cat([latents, negatives]), timesteps.repeat(2), text.sequence.repeat(2, 1, 1))
    seen = denoise(backbone, Needs(features=("down", "mid"), negatives=True))
    assert list(expected) == list(seen.features_positive) == list(seen.features_negative) == ["down_0", "down_1", "mid"]
    for name, both in expected.items():
        assert both.shape[1] == backbone.feature_layers[name]
        assert torch.equal(torch.cat([seen.features_positive[name], seen.features_negative[name]]), both)


@pytest.mark.parametrize("negatives", [False, True])
def test_maps_are_an_explicit_softmax_of_every_layer(backbone, negatives):
    layers, projected = cross_attention(backbone.unet), {}
    hooks = [
        getattr(layer, each).register_forward_hook(
            lambda _, __, output, key=(name, each): projected.update({key: output})
        )
        for name, layer in layers.items()
        for each in ("to_q", "to_k")
    ]
    seen = denoise(backbone, Needs(EVERYTHING.attention, negatives=negatives), columns=5)
    for hook in hooks:
        hook.remove()
    assert list(seen.maps) == list(layers) == list(backbone.attention_layers)
    for name, layer in layers.items():
        query, key = (
            projected[name, each][:2].unflatten(-1, (layer.heads, -1)).transpose(1, 2) for each in ("to_q", "to_k")
        )
        probabilities = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)
        factor = int(backbone.attention_layers[name].removeprefix("1/"))
        expected = (probabilities @ inputs(columns=5)[-1][:, None]).transpose(-1, -2)
        torch.testing.assert_close(seen.maps[name], expected.unflatten(-1, (8 // factor, 12 // factor)))


def test_default_layers_are_those_of_mid_and_decoder(backbone):
    needs = backbone.resolve(Needs(attention=("default",)))
    assert needs.attention == ("mid.0", "up_1.0", "up_1.1")
    assert backbone.resolve(needs) == needs
    assert backbone.resolve(Needs(("1/1",), ("mid",), True)) == Needs(("up_1.0", "up_1.1"), ("mid",), True)
    with pytest.raises(ValueError, match=r"got '1/32'. Known: .*'1/2', '1/1'"):
        backbone.resolve(Needs(attention=("1/32",)))


def test_attention_without_a_readout_is_refused(backbone):
    latents, timesteps, text, *_ = inputs()
    with pytest.raises(ValueError, match="Expected a `readout`"):
        backbone.denoise(latents, timesteps, text, Needs(attention=("mid.0",)))


def test_a_direct_call_after_a_step_sees_nothing_of_it(backbone):
    latents, timesteps, text, *_ = inputs(batch=3)
    expected = backbone.unet(latents, timesteps, text.sequence).sample
    gradients(backbone)
    assert torch.equal(backbone.unet(latents, timesteps, text.sequence).sample, expected)


def test_attention_by_matrix_products_predicts_reads_and_trains_alike(backbone, tiny_pipeline):
    products = StableDiffusion(pretrained=str(tiny_pipeline), fused_attention=False)
    seen, expected = denoise(products, EVERYTHING), denoise(backbone, EVERYTHING)
    torch.testing.assert_close(seen.positive, expected.positive)
    torch.testing.assert_close(seen.maps, expected.maps)
    torch.testing.assert_close(gradients(products), gradients(backbone), rtol=1e-4, atol=1e-6)


def test_gradients_with_checkpointing_are_equal_and_with_channels_last_close(backbone, tiny_pipeline):
    checkpointed, channels_last = (
        StableDiffusion(pretrained=str(tiny_pipeline), **{option: True})
        for option in ("gradient_checkpointing", "channels_last")
    )
    plain = gradients(backbone)
    assert all(each.any() for name, each in plain.items() if ".attn2.to_" in name)
    for name, each in gradients(checkpointed).items():
        assert torch.equal(each, plain[name])
    for name, each in gradients(channels_last).items():
        torch.testing.assert_close(each, plain[name], rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("order", ["first, second", "second, first", "at once"])
def test_two_forwards_before_a_checkpointed_backward_give_the_gradients_of_each(backbone, tiny_pipeline, order):
    expected = gradients_of_two(backbone, order)
    checkpointed = StableDiffusion(pretrained=str(tiny_pipeline), gradient_checkpointing=True)
    for name, each in gradients_of_two(checkpointed, order).items():
        torch.testing.assert_close(each, expected[name], rtol=1e-4, atol=1e-7)


def gradients_of_two(backbone, order):
    """Parameter gradients of the maps of two readouts, with a forward of the bare U-Net before the backward."""
    backbone.unet.zero_grad()
    latents, timesteps, text, negatives, readout = inputs()
    needs = backbone.resolve(EVERYTHING)
    losses = [
        sum((maps + 0.1).log().mean() for maps in seen.maps.values())
        for seen in (
            backbone.denoise(latents, timesteps, text, needs, negatives, readout),
            backbone.denoise(negatives, timesteps, text, needs, latents, readout.flip(1)),
        )
    ]
    backbone.unet(latents, timesteps, text.sequence)
    if order == "at once":
        losses = [sum(losses)]
    for loss in reversed(losses) if order == "second, first" else losses:
        loss.backward()
    return {name: each.grad for name, each in backbone.unet.named_parameters() if each.grad is not None}


def test_backbone_is_copied_after_a_step(tiny_pipeline):
    backbone = StableDiffusion(pretrained=str(tiny_pipeline), gradient_checkpointing=True)
    gradients(backbone)
    other = copy.deepcopy(backbone)
    expected = denoise(backbone, EVERYTHING)
    torch.testing.assert_close(denoise(other, EVERYTHING).maps, expected.maps)


@pytest.fixture
def compiler(monkeypatch):
    """Return a function that makes `compile_blocks` use another backend: inductor would take minutes."""
    compile_blocks = UNet2DConditionModel.compile_repeated_blocks
    torch._dynamo.reset()
    counters.clear()
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True, cache_size_limit=8):
        yield lambda backend: monkeypatch.setattr(
            UNet2DConditionModel, "compile_repeated_blocks", partialmethod(compile_blocks, backend=backend)
        )
    torch._dynamo.reset()


def test_compiled_blocks_give_the_same_maps_and_gradients(backbone, tiny_pipeline, compiler):
    compiler("aot_eager")
    options = {"compile_blocks": True, "gradient_checkpointing": True}
    expected = gradients(backbone)
    for name, each in gradients(StableDiffusion(pretrained=str(tiny_pipeline), **options)).items():
        torch.testing.assert_close(each, expected[name], rtol=1e-4, atol=1e-6)
    assert counters["stats"]["unique_graphs"]


def test_no_recompile_limit_is_reached(tmp_path, compiler):
    """A run with every kind of forward, on Stable Diffusion's four levels and three widths."""
    compiler("eager")
    folder = save_tiny_pipeline(tmp_path)
    UNet2DConditionModel(
        block_out_channels=(4, 8, 16, 16),
        layers_per_block=1,
        cross_attention_dim=16,
        attention_head_dim=(1, 2, 4, 4),
        norm_num_groups=4,
        use_linear_projection=True,
    ).save_pretrained(folder / "unet")
    backbone = StableDiffusion(pretrained=str(folder), compile_blocks=True)

    def forward(needs, batch=2):
        seen = denoise(backbone, needs, batch)
        return seen.positive.square().mean() + sum(each.square().mean() for each in seen.maps.values())

    for needs in (Needs(), LOSSES, Needs(attention=("default",)), LOSSES):
        backbone.train()
        forward(needs).backward()
        backbone.eval()
        with torch.inference_mode():
            forward(LOSSES)
            forward(LOSSES, batch=1)  # the last batch of validation
            forward(Needs(), batch=6)  # a preview with guidance
    assert 8 < counters["stats"]["unique_graphs"] <= 24


def flops(unet, needs, backward=True, latent_side=64, columns=32):
    """Floating-point operations of one sample, in 1e9; the CPU's own attention would count as none."""
    backbone = StableDiffusion.__new__(StableDiffusion)
    torch.nn.Module.__init__(backbone)
    backbone.unet, backbone.memory_format = unet, torch.contiguous_format
    needs = backbone.resolve(needs)
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.set_grad_enabled(backward):
        latents, timesteps, text = torch.empty(1, 4, latent_side, latent_side), torch.empty(1), torch.empty(1, 77, 1024)
        negatives = torch.empty_like(latents) if needs.negatives else None
        readout = torch.empty(1, 77, columns)
        seen = backbone.denoise(latents, timesteps, Text(text, text), needs, negatives, readout)
        features = [*seen.features_positive.values(), *seen.features_negative.values()]
        if backward:
            sum(each.sum() for each in (seen.positive, *features, *seen.maps.values())).backward()
    return counter.get_total_flops() / 1e9


def test_price_of_a_pair_and_of_the_read_out_on_stable_diffusion_2():
    with torch.device("meta"):
        unet = UNet2DConditionModel.from_config(COMPONENTS["unet"])
    assert flops(unet, Needs(), backward=False) == pytest.approx(804.3, abs=0.1)
    plain = flops(unet, Needs())
    pair = flops(unet, Needs(features=("mid",), negatives=True))
    assert 1.3 * plain < pair <= 1.40 * plain
    assert 0 < flops(unet, LOSSES) - pair <= 0.02 * plain
