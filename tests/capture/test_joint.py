"""What the pixels' attention to the text is made of, against an explicit softmax over pixels and text."""

import math

import pytest
import torch
from attention_layers import TEXT_TOKENS, draw, draw_columns
from diffusers.models.attention_processor import Attention, JointAttnProcessor2_0
from literal_losses import literal_pixel_loss, literal_token_loss
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightning_compose.capture.joint import JointAttentionReader, attention_to_text
from lightning_compose.functional import pixel_loss, token_loss
from lightning_compose.noun_columns import noun_columns

PIXELS = 256


def explicit(query, pixel_key, text_key, columns):
    """Literal softmax over pixels and text; of its part over the text, each token's share, and its columns."""
    key = torch.cat([pixel_key, text_key], dim=2)
    probabilities = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5).softmax(dim=-1)
    text = probabilities[..., pixel_key.shape[2] :]
    return text / text.sum(dim=-1, keepdim=True) @ columns[:, None].to(query.dtype)


def ours(query, pixel_key, text_key, columns):
    return attention_to_text(query, text_key, columns)


def mass_on_text(query, pixel_key, text_key):
    logits = [(query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5) for key in (pixel_key, text_key)]
    return torch.cat(logits, dim=-1).softmax(dim=-1)[..., pixel_key.shape[2] :].sum(dim=-1)


def draw_heads(heads, width, scale=1.0, nearer_by=0.0):
    """Queries, and keys of pixels and text; on average, the pixels' logits are larger by `nearer_by`."""
    lengths = (PIXELS, PIXELS, TEXT_TOKENS)
    query, pixel_key, text_key = (
        draw(2, heads, length, width, seed=seed, dtype=torch.float64) for seed, length in enumerate(lengths)
    )
    query *= scale
    query[..., 0], pixel_key[..., 0], text_key[..., 0] = width**0.5, nearer_by, 0.0
    return [each.to(torch.bfloat16).double() for each in (query, pixel_key, text_key)]


@pytest.mark.parametrize(("heads", "width", "count"), [(2, 8, 8), (3, 8, 24), (24, 64, 32), (2, 64, 96)])
def test_columns_and_their_gradients_are_those_of_an_explicit_softmax(heads, width, count):
    columns, gradients = draw_columns(count), []
    for attention in (ours, explicit):
        leaves = [each.requires_grad_() for each in draw_heads(heads, width)]
        maps = attention(*leaves, columns)
        (maps + 0.1).log().sum().backward()
        gradients.append([maps, *(torch.zeros(()) if leaf.grad is None else leaf.grad for leaf in leaves)])
    (maps, query, none, key), (expected, expected_query, vanishing, expected_key) = gradients
    for found, reference in ((maps, expected), (query, expected_query), (key, expected_key)):
        torch.testing.assert_close(found, reference, rtol=1e-9, atol=1e-9)
    # Renormalised, it depends on no pixel's key.
    torch.testing.assert_close(vanishing, none.expand_as(vanishing).double(), rtol=0, atol=1e-9)


@pytest.mark.parametrize("count", [8, 72])
def test_the_whole_map_is_never_built(count):
    query, _, text_key = (each.float() for each in draw_heads(2, 64))
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # has no other kernel to fall back to
        attention_to_text(query, text_key, draw_columns(count))


def loss_and_gradients(attention, loss, heads, dtype):
    """The loss of maps of 16 x 16, and its gradients of queries and of the text's keys."""
    nouns = torch.zeros(2, 3, TEXT_TOKENS, dtype=torch.bool)
    nouns[0, 0, 2:4] = nouns[0, 1, 6] = nouns[1, 0, 3:6] = True
    columns, masks = noun_columns(nouns, max_tokens=5), draw(2, 3, 32, 32, seed=5) > 0
    query, pixel_key, text_key = (each.to(dtype).requires_grad_() for each in heads)
    maps = attention(query, pixel_key, text_key, columns.readout)
    tokens, others = columns.split(maps.transpose(-1, -2).unflatten(-1, (16, 16)))
    inputs = ([tokens],) if loss in (token_loss, literal_token_loss) else ([tokens], [others])
    value = loss(*inputs, columns.noun_tokens, masks, "code")
    return value, torch.autograd.grad(value, (query, text_key))


@pytest.mark.parametrize(("loss", "literal"), [(token_loss, literal_token_loss), (pixel_loss, literal_pixel_loss)])
@pytest.mark.parametrize("scale", [1.0, 8.0])
@pytest.mark.parametrize("nearer_by", [0, 60, 300])
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float32, 1e-5), (torch.bfloat16, 0.02)])
def test_gradients_are_right_however_little_attention_the_text_gets(loss, literal, scale, nearer_by, dtype, tolerance):
    heads = draw_heads(2, 64, scale, nearer_by)
    assert mass_on_text(*heads).max() < math.exp(-nearer_by / 2)
    true, exact = loss_and_gradients(explicit, literal, heads, torch.float64)
    found, rounded = loss_and_gradients(ours, loss, heads, dtype)
    torch.testing.assert_close(found.double(), true, rtol=tolerance / 4, atol=0)
    for each, reference in zip(rounded, exact, strict=True):
        assert (each - reference).norm() < tolerance * reference.norm()


@pytest.mark.parametrize("loss", [token_loss, pixel_loss])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("scale", [40.0, 300.0])
def test_where_a_token_gets_nothing_value_and_gradient_are_finite(loss, dtype, scale):
    heads = draw_heads(1, 64, scale, nearer_by=300)
    value, gradients = loss_and_gradients(ours, loss, heads, dtype)
    assert value.isfinite()
    assert all(each.isfinite().all() for each in gradients)


def joint_attention(width=8, dtype=torch.float32, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Attention(
            query_dim=2 * width,
            added_kv_proj_dim=2 * width,
            dim_head=width,
            heads=2,
            out_dim=2 * width,
            bias=True,
            processor=JointAttnProcessor2_0(),
            **{"context_pre_only": False, **options},
        ).to(dtype)


@pytest.mark.parametrize("qk_norm", [None, "rms_norm", "layer_norm", "fp32_layer_norm"])
@pytest.mark.parametrize("context_pre_only", [False, True])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("autocast", [False, True])
def test_reading_leaves_both_outputs_as_they_are(qk_norm, context_pre_only, dtype, autocast):
    layer = joint_attention(dtype=dtype, qk_norm=qk_norm, context_pre_only=context_pre_only)
    pixels, text = draw(2, 12, 16, seed=1, dtype=dtype), draw(2, TEXT_TOKENS, 16, seed=2, dtype=dtype)
    reader = JointAttentionReader(draw_columns(8))
    with torch.autocast("cpu", enabled=autocast):
        expected = layer(pixels, encoder_hidden_states=text)
        layer.set_processor(reader)
        found = layer(pixels, encoder_hidden_states=text)
    assert [each.dtype for each in found] == [each.dtype for each in expected]
    assert all((one - other).abs().max() == 0.0 for one, other in zip(found, expected, strict=True))
    assert reader.slot.maps.shape == (2, 2, 12, 8)


def test_only_the_samples_that_have_columns_are_read():
    layer, columns = joint_attention(), draw_columns(8, batch=3)
    pixels, text = draw(3, 12, 16, seed=1), draw(3, TEXT_TOKENS, 16, seed=2)
    maps = []
    for samples in (3, 2):
        reader = JointAttentionReader(columns[:samples])
        layer.set_processor(reader)
        layer(pixels, encoder_hidden_states=text)
        maps.append(reader.slot.maps)
    torch.testing.assert_close(maps[1], maps[0][:2])
