"""Attention read out of the fused kernel, and of matrix products, against an explicit softmax."""

import pytest
import torch
from attention_layers import TEXT_TOKENS, Layers, draw, draw_columns, inputs, non_reentrant
from diffusers.models.attention_processor import AttnProcessor, AttnProcessor2_0, XFormersAttnProcessor
from literal_losses import literal_pixel_loss, literal_token_loss
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightning_compose.capture.cross import (
    UNREAD_OPTIONS,
    CrossAttentionReader,
    attention_with_columns,
    unfused_attention_with_columns,
)
from lightning_compose.functional import pixel_loss, token_loss
from lightning_compose.noun_columns import noun_columns

both_ways = pytest.mark.parametrize("attention", [attention_with_columns, unfused_attention_with_columns])


def explicit(query, key, value, columns, mask=0.0):
    """Literal softmax(Q K^T / sqrt(d)) V and softmax(Q K^T / sqrt(d)) S."""
    probabilities = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + mask).softmax(dim=-1)
    return probabilities @ value, probabilities @ columns[:, None].to(query.dtype)


def draw_heads(heads, pixels, width, dtype=torch.float64):
    shapes = (pixels, TEXT_TOKENS, TEXT_TOKENS)
    return [draw(2, heads, length, width, seed=seed, dtype=dtype) for seed, length in enumerate(shapes)]


@both_ways
@pytest.mark.parametrize(("heads", "width"), [(2, 8), (8, 40), (5, 64), (10, 64), (20, 64)])
def test_columns_and_their_gradients_are_those_of_an_explicit_softmax(attention, heads, width):
    heads_qkv, columns = draw_heads(heads, 24, width), draw_columns(16)
    gradients = []
    for computed in (attention, explicit):
        leaves = [each.clone().requires_grad_() for each in heads_qkv]
        output, maps = computed(*leaves, columns)
        (output.square().sum() + (maps + 0.1).log().sum()).backward()
        gradients.append([output, maps, *(leaf.grad for leaf in leaves)])
    for ours, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)


@both_ways
def test_a_mask_of_the_text_is_respected(attention):
    heads_qkv, columns = draw_heads(2, 24, 8), draw_columns(16)
    mask = torch.zeros(2, 1, 1, TEXT_TOKENS, dtype=torch.float64).masked_fill(torch.arange(TEXT_TOKENS) > 40, -1e4)
    expected = explicit(*heads_qkv, columns, mask)
    torch.testing.assert_close(attention(*heads_qkv, columns, mask), expected)


def test_the_whole_map_is_never_built():
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # has no other kernel to fall back to
        attention_with_columns(*draw_heads(2, 24, 8, torch.float32), draw_columns(16))


def supervision():
    """Columns of some nouns, and masks of them."""
    nouns = torch.zeros(2, 3, TEXT_TOKENS, dtype=torch.bool)
    nouns[0, 0, 2:4] = nouns[0, 1, 6] = nouns[1, 0, 3:6] = True
    return noun_columns(nouns, max_tokens=5), draw(2, 3, 32, 32, seed=5) > 0


def saturated_heads(heads, largest_logit):
    """Queries, keys and values in bfloat16 whose logits go up to this."""
    query, key, value = draw_heads(heads, 256, 64)
    factor = (largest_logit / (query @ key.transpose(-1, -2) / 8).abs().max()).sqrt()
    return [each.to(torch.bfloat16) for each in (factor * query, factor * key, value)]


def attention_gradients(attention, loss, heads_qkv, dtype):
    """The loss of maps of 16 x 16, and its gradients of queries and keys."""
    columns, masks = supervision()
    leaves = [each.to(dtype).requires_grad_() for each in heads_qkv]
    _, maps = attention(*leaves, columns.readout)
    tokens, others = columns.split(maps.transpose(-1, -2).unflatten(-1, (16, 16)))
    inputs = ([tokens],) if loss in (token_loss, literal_token_loss) else ([tokens], [others])
    value = loss(*inputs, columns.noun_tokens, masks, "code")
    return value, torch.autograd.grad(value, leaves[:2]), maps


@both_ways
@pytest.mark.parametrize(("loss", "literal"), [(token_loss, literal_token_loss), (pixel_loss, literal_pixel_loss)])
@pytest.mark.parametrize("largest_logit", [5, 60])
def test_half_precision_gradients_are_within_some_percent_also_where_attention_is_saturated(
    loss, literal, largest_logit, attention
):
    heads_qkv = saturated_heads(5, largest_logit)
    true, exact, maps = attention_gradients(explicit, literal, heads_qkv, torch.float64)
    found, half, _ = attention_gradients(attention, loss, heads_qkv, torch.bfloat16)
    assert (maps[maps > 0].min() < 1e-30) == (largest_logit == 60)
    torch.testing.assert_close(found.double(), true, rtol=0.005, atol=0)
    for ours, reference in zip(half, exact, strict=True):
        # The fused kernel keeps the logits in float32.
        bound = 0.02 if attention is attention_with_columns else 0.04
        assert (ours - reference).norm() < bound * reference.norm()


@both_ways
@pytest.mark.parametrize("loss", [token_loss, pixel_loss])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("largest_logit", [120, 1000])
def test_where_attention_underflows_value_and_gradient_are_finite(loss, dtype, largest_logit, attention):
    value, gradients, maps = attention_gradients(attention, loss, saturated_heads(1, largest_logit), dtype)
    assert (maps[0, :, :, 0] == 0).any()
    assert value.isfinite()
    assert all(each.isfinite().all() for each in gradients)


def test_reading_leaves_the_output_as_it_is():
    # Heads of Stable Diffusion 2's width: the same sums, and zeros.
    model, columns = Layers(heads=5, width=64), draw_columns(24)
    pixels, text = inputs(width=5 * 64)
    output, maps = model.read(columns, 0, 1, pixels=pixels, text=text)
    assert (output - model(pixels, text)).abs().max() == 0.0
    assert [each.shape for each in maps.values()] == [(2, 5, 12, 24)] * 2


@pytest.mark.parametrize("count", [1, 5, 8])
def test_maps_are_the_layers_own_for_any_number_of_columns(count):
    model, columns = Layers(), draw_columns(count)
    _, maps = model.read(columns, 1)
    pixels, text = inputs()
    layer = model.layers[1]
    pixels = pixels + model.layers[0](pixels, text)
    query, key, value = (
        each.unflatten(-1, (2, 8)).transpose(1, 2) for each in (layer.to_q(pixels), layer.to_k(text), layer.to_v(text))
    )
    torch.testing.assert_close(maps, {"layer_1": explicit(query, key, value, columns)[1]})


def test_a_mask_given_to_a_layer_is_prepared_as_diffusers_does():
    layer, (pixels, text), columns = Layers().layers[0], inputs(), draw_columns(8)
    mask = torch.zeros(2, 1, TEXT_TOKENS).masked_fill(torch.arange(TEXT_TOKENS) > 40, -1e4)
    expected = layer(pixels, text, attention_mask=mask)
    layer.set_processor(CrossAttentionReader(columns))
    torch.testing.assert_close(layer(pixels, text, attention_mask=mask), expected)
    assert not torch.allclose(layer(pixels, text), expected)


@pytest.mark.parametrize("checkpointing", [False, True])
def test_only_the_layers_that_are_asked_for_change_and_only_in_the_forward(checkpointing):
    model, seen = Layers(checkpointing=checkpointing), []
    stock = [layer.processor for layer in model.layers]
    model.register_forward_hook(lambda *_: seen.extend(layer.processor for layer in model.layers))
    model.read(draw_columns(8), 1)
    assert seen[0] is stock[0]
    assert isinstance(seen[1], CrossAttentionReader)
    assert [layer.processor for layer in model.layers] == stock
    assert model._gradient_checkpointing_func is non_reentrant


def test_each_forward_reads_its_own_layers_and_columns():
    model, columns = Layers(), draw_columns(3)
    model.read(draw_columns(8), 0, 1)
    _, maps = model.read(columns, 0)
    torch.testing.assert_close(maps, Layers().read(columns, 0)[1])


@pytest.mark.parametrize("checkpointing", [False, True])
def test_a_forward_that_fails_leaves_the_model_as_it_was(checkpointing):
    model = Layers(checkpointing=checkpointing)
    stock = [layer.processor for layer in model.layers]
    with pytest.raises(RuntimeError):
        model.read(draw_columns(8), 0, pixels=torch.zeros(2, 12, 3))
    assert [layer.processor for layer in model.layers] == stock
    assert model._gradient_checkpointing_func is non_reentrant


def test_layers_that_compute_by_matrix_products_are_read_by_them():
    model, columns = Layers(), draw_columns(8)
    expected = model.read(columns, 0, 1)
    for layer in model.layers:
        layer.set_processor(AttnProcessor())
    with sdpa_kernel(SDPBackend.CUDNN_ATTENTION):  # the fused function would find no kernel on the CPU
        found = model.read(columns, 0, 1)
    torch.testing.assert_close(found, expected)


def test_attention_that_something_else_computes_is_refused():
    model = Layers()
    model.layers[1].set_processor(XFormersAttnProcessor())
    with pytest.raises(ValueError, match=r"'layer_1' .* JointAttnProcessor2_0, got XFormersAttnProcessor\. Unload"):
        model.read(draw_columns(8), 0, 1)
    assert type(model.layers[0].processor) is AttnProcessor2_0


UNREAD = {
    "spatial_norm": nn.Identity(),
    "group_norm": nn.GroupNorm(1, 16),
    "norm_cross": nn.LayerNorm(16),
    "norm_q": nn.LayerNorm(8),
    "norm_k": nn.LayerNorm(8),
    "residual_connection": True,
    "rescale_output_factor": 2.0,
}


@pytest.mark.parametrize("option", UNREAD)
def test_attention_that_reading_would_change_is_refused(option):
    model = Layers()
    setattr(model.layers[1], option, UNREAD[option])
    with pytest.raises(ValueError, match=rf"'layer_1' to have none of .* got {{'{option}': .*}}\. Leave"):
        model.read(draw_columns(8), 0, 1)
    assert type(model.layers[0].processor) is AttnProcessor2_0


def test_a_plain_layer_uses_none_of_what_is_refused():
    layer = Layers(count=1).layers[0]
    assert {option: getattr(layer, option) for option in UNREAD_OPTIONS} == UNREAD_OPTIONS
    assert UNREAD_OPTIONS.keys() == UNREAD.keys()


class LowRank(nn.Module):
    """A projection as LoRA wraps it."""

    def __init__(self, base):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.down = nn.Parameter(draw(2, base.in_features, seed=3) * 0.1)
        self.up = nn.Parameter(draw(base.out_features, 2, seed=4) * 0.1)

    def forward(self, inputs):
        return self.base(inputs) + inputs @ self.down.T @ self.up.T


def test_projections_wrapped_as_lora_does_are_read_and_trained():
    model, merged, columns = Layers(count=1), Layers(count=1), draw_columns(8)
    for name in ("to_q", "to_k"):
        wrapped = LowRank(getattr(model.layers[0], name))
        setattr(model.layers[0], name, wrapped)
        getattr(merged.layers[0], name).weight.data += (wrapped.up @ wrapped.down).detach()
    output, maps = model.read(columns, 0)
    torch.testing.assert_close((output, maps), merged.read(columns, 0))
    maps["layer_0"].square().sum().backward()
    for name in ("to_q", "to_k"):
        wrapped = getattr(model.layers[0], name)
        assert wrapped.up.grad.abs().sum() > 0
        assert wrapped.base.weight.grad is None
