"""Attention read out of the fused kernel against an explicit softmax."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
from diffusers.models.attention_processor import Attention, AttnProcessor, AttnProcessor2_0
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lightning_compose import capture
from lightning_compose.capture import ReadoutProcessor, attention_with_columns, reading_attention
from lightning_compose.functional import pixel_loss, token_loss
from lightning_compose.noun_columns import noun_columns

TEXT_TOKENS = 77


def explicit(query, key, value, columns, mask=0.0):
    """Literal softmax(Q K^T / sqrt(d)) V and softmax(Q K^T / sqrt(d)) S."""
    probabilities = (query @ key.transpose(-1, -2) / query.shape[-1] ** 0.5 + mask).softmax(dim=-1)
    return probabilities @ value, probabilities @ columns[:, None].to(query.dtype)


def draw(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def draw_heads(heads, pixels, width, dtype=torch.float64):
    shapes = (pixels, TEXT_TOKENS, TEXT_TOKENS)
    return [draw(2, heads, length, width, seed=seed, dtype=dtype) for seed, length in enumerate(shapes)]


def draw_columns(count, batch=2):
    return (draw(batch, TEXT_TOKENS, count, seed=9) > 1).float()


class Layers(nn.Module):
    """Cross-attention layers one after the other, each under gradient checkpointing if asked."""

    def __init__(self, count=2, heads=2, width=8, checkpointing=False):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.layers = nn.ModuleList(
                Attention(heads * width, cross_attention_dim=16, heads=heads, dim_head=width) for _ in range(count)
            )
        self.checkpointing = checkpointing

    def forward(self, pixels, text):
        for layer in self.layers:
            if self.checkpointing:
                pixels = pixels + torch.utils.checkpoint.checkpoint(layer, pixels, text, use_reentrant=False)
            else:
                pixels = pixels + layer(pixels, text)
        return pixels

    def named(self, *indices):
        return {f"layer_{index}": self.layers[index] for index in indices}

    def read(self, columns, *indices, pixels=None, text=None):
        """Return output and maps of one forward in which the layers of these indices are read."""
        layers = self.named(*indices)
        with reading_attention(self, layers, dict.fromkeys(layers, columns)) as maps:
            output = self(inputs()[0] if pixels is None else pixels, inputs()[1] if text is None else text)
        return output, maps


def inputs(width=16, batch=2):
    return draw(batch, 12, width, seed=1), draw(batch, TEXT_TOKENS, 16, seed=2)


@pytest.mark.parametrize(("heads", "width"), [(2, 8), (8, 40), (5, 64), (10, 64), (20, 64)])
def test_columns_and_their_gradients_are_those_of_an_explicit_softmax(heads, width):
    heads_qkv, columns = draw_heads(heads, 24, width), draw_columns(16)
    gradients = []
    for attention in (attention_with_columns, explicit):
        leaves = [each.clone().requires_grad_() for each in heads_qkv]
        output, maps = attention(*leaves, columns)
        (output.square().sum() + (maps + 0.1).log().sum()).backward()
        gradients.append([output, maps, *(leaf.grad for leaf in leaves)])
    for ours, reference in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, reference, rtol=1e-9, atol=1e-9)


def test_a_mask_of_the_text_is_respected():
    heads_qkv, columns = draw_heads(2, 24, 8), draw_columns(16)
    mask = torch.zeros(2, 1, 1, TEXT_TOKENS, dtype=torch.float64).masked_fill(torch.arange(TEXT_TOKENS) > 40, -1e4)
    expected = explicit(*heads_qkv, columns, mask)
    torch.testing.assert_close(attention_with_columns(*heads_qkv, columns, mask), expected)


def test_the_whole_map_is_never_built():
    with sdpa_kernel(SDPBackend.FLASH_ATTENTION):  # has no other kernel to fall back to
        attention_with_columns(*draw_heads(2, 24, 8, torch.float32), draw_columns(16))


@pytest.mark.parametrize("loss", [token_loss, pixel_loss])
@pytest.mark.parametrize("temperature", [1.0, 1 / 30])
def test_half_precision_gradients_are_within_two_percent_also_where_attention_is_saturated(loss, temperature):
    nouns = torch.zeros(2, 3, TEXT_TOKENS, dtype=torch.bool)
    nouns[0, 0, 2:4] = nouns[0, 1, 6] = nouns[1, 0, 3:6] = True
    columns = noun_columns(nouns, max_tokens=5)
    masks = draw(2, 3, 32, 32, seed=5) > 0
    query, key, value = (each / temperature**0.5 for each in draw_heads(5, 256, 64, torch.bfloat16))
    gradients = []
    for dtype in (torch.float64, torch.bfloat16):
        leaves = [each.to(dtype).requires_grad_() for each in (query, key)]
        _, maps = attention_with_columns(*leaves, value.to(dtype), columns.readout)
        tokens, others = columns.split(maps.transpose(-1, -2).unflatten(-1, (16, 16)))
        if temperature < 1:
            assert min(tokens.float().max(), others.float().max()) > 0.999
        attention = ([tokens],) if loss is token_loss else ([tokens], [others])
        loss(*attention, columns.noun_tokens, masks).backward()
        gradients.append([leaf.grad.double() for leaf in leaves])
    for exact, half in zip(*gradients, strict=True):
        assert (half - exact).norm() < 0.02 * exact.norm()


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
    layer.set_processor(ReadoutProcessor(columns, layer.processor))
    torch.testing.assert_close(layer(pixels, text, attention_mask=mask), expected)
    assert not torch.allclose(layer(pixels, text), expected)


def test_only_the_layers_that_are_asked_for_change_and_the_next_forward_finds_them_as_they_were():
    model = Layers()
    stock = [layer.processor for layer in model.layers]
    model.read(draw_columns(8), 1)
    assert model.layers[0].processor is stock[0]
    assert isinstance(model.layers[1].processor, ReadoutProcessor)
    other_batch = inputs(batch=3)
    torch.testing.assert_close(model(*other_batch), Layers()(*other_batch))
    assert [layer.processor for layer in model.layers] == stock
    assert not model._forward_pre_hooks


def test_each_forward_reads_its_own_layers_and_columns():
    model = Layers()
    stock = [layer.processor for layer in model.layers]
    model.read(draw_columns(8), 0, 1)
    columns = draw_columns(3)
    _, maps = model.read(columns, 0)
    assert model.layers[1].processor is stock[1]
    torch.testing.assert_close(maps, Layers().read(columns, 0)[1])
    model(*inputs())
    assert [layer.processor for layer in model.layers] == stock


def test_a_forward_that_fails_leaves_the_model_usable():
    model = Layers()
    with pytest.raises(RuntimeError):
        model.read(draw_columns(8), 0, pixels=torch.zeros(2, 12, 3))
    torch.testing.assert_close(model(*inputs()), Layers()(*inputs()))


def test_a_processor_set_since_then_is_kept():
    model = Layers()
    model.read(draw_columns(8), 0)
    mine = AttnProcessor()
    model.layers[0].set_processor(mine)
    model(*inputs())
    assert model.layers[0].processor is mine


def test_attention_that_something_else_computes_is_refused():
    model = Layers()
    model.layers[1].set_processor(AttnProcessor())
    with pytest.raises(ValueError, match=r"'layer_1' .* AttnProcessor2_0, got AttnProcessor\. Unload"):
        model.read(draw_columns(8), 0, 1)
    assert type(model.layers[0].processor) is AttnProcessor2_0


def test_gradients_are_the_same_with_checkpointing():
    gradients = []
    for checkpointing in (False, True):
        model = Layers(checkpointing=checkpointing)
        output, maps = model.read(draw_columns(8), 0, 1)
        (output.square().mean() + sum((each + 0.1).log().mean() for each in maps.values())).backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(plain, checkpointed) for plain, checkpointed in zip(*gradients, strict=True))


def test_maps_computed_again_in_the_backward_are_not_kept(monkeypatch):
    references = []

    def remembered(*arguments):
        output, maps = attention_with_columns(*arguments)
        references.append(weakref.ref(maps))
        return output, maps

    monkeypatch.setattr(capture, "attention_with_columns", remembered)
    model = Layers(count=4, checkpointing=True)
    output, maps = model.read(draw_columns(8), 0, 1, 2, 3)
    loss = output.square().mean() + sum(each.square().mean() for each in maps.values())
    loss.backward()
    del output, maps, loss
    gc.collect()
    assert len(references) == 8
    assert sum(reference() is not None for reference in references) == 1


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_is_copied_after_a_step_and_the_copy_is_independent(duplicate):
    model = Layers(checkpointing=True)
    output, maps = model.read(draw_columns(8), 0)
    (output.mean() + maps["layer_0"].mean()).backward()
    other = duplicate(model)
    assert isinstance(other.layers[0].processor, ReadoutProcessor)
    torch.testing.assert_close(other(*inputs(batch=3)), Layers()(*inputs(batch=3)))
    assert type(other.layers[0].processor) is AttnProcessor2_0
    assert isinstance(model.layers[0].processor, ReadoutProcessor)


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
