"""What goes through the blocks of SD3 transformers, read, kept and stopped, against diffusers' own forward."""

import copy
import gc
import weakref

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from attention_layers import draw
from diffusers import SD3Transformer2DModel
from tiny_mmdit import KINDS, TEXT_TOKENS, first, forward, inputs, tiny_transformer
from torch._dynamo.utils import counters
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.full_size import FULL_SIZE
from lightning_compose.backbones.mmdit import attention_blocks, compile_blocks, feature_widths

BLOCKS = ("block_0", "block_1", "block_2", "block_3")
EVERYTHING = {"layers": BLOCKS, "features": ("block_0", "block_2"), "last_block": "block_2", "samples": 2}
every_kind = pytest.mark.parametrize("kind", KINDS)


def draw_columns(count, batch=2):
    return (draw(batch, TEXT_TOKENS, count, seed=9) > 1).float()


def loss_of(seen):
    """Of everything that a forward returned."""
    parts = [each.square().mean() for each in (seen.output, *seen.features.values())]
    return sum(parts) + sum((maps + 0.1).log().mean() for maps in seen.maps.values())


def gradients(transformer, *losses):
    for loss in losses:
        loss.backward()
    return {name: each.grad for name, each in transformer.named_parameters() if each.grad is not None}


@pytest.fixture
def joint_softmax(monkeypatch):
    """Return a list that fills with literal attention to the text, renormalised, of every joint layer of a forward."""
    fused, found = F.scaled_dot_product_attention, []

    def literal(query, key, value, **options):
        if key.shape[2] == 24 + TEXT_TOKENS:  # else of pixels alone
            logits = query[:, :, :24] @ key.transpose(-1, -2) / query.shape[-1] ** 0.5
            text = logits.softmax(dim=-1)[..., 24:]
            found.append(text / text.sum(dim=-1, keepdim=True))
        return fused(query, key, value, **options)

    monkeypatch.setattr(F, "scaled_dot_product_attention", literal)
    yield found
    monkeypatch.undo()


@every_kind
def test_maps_and_their_gradients_are_those_of_an_explicit_joint_softmax(kind, joint_softmax, monkeypatch):
    columns, transformer = draw_columns(5), tiny_transformer(**KINDS[kind]).double()
    transformer(**inputs(dtype=torch.float64))
    literal = [each @ columns[:, None].double() for each in joint_softmax]
    expected = gradients(transformer, sum((maps + 0.1).log().mean() for maps in literal))
    monkeypatch.undo()
    ours = tiny_transformer(**KINDS[kind]).double()
    maps = forward(ours, inputs(dtype=torch.float64), columns, BLOCKS).maps
    assert tuple(maps) == BLOCKS
    torch.testing.assert_close([*maps.values()], literal)
    found = gradients(ours, sum((each + 0.1).log().mean() for each in maps.values()))
    assert found.keys() | {name for name, each in expected.items() if each.abs().max() < 1e-12} == expected.keys()
    for name, gradient in found.items():
        torch.testing.assert_close(gradient, expected[name], rtol=1e-8, atol=1e-12)


@every_kind
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_reading_and_keeping_leave_the_output_as_it_is(kind, dtype):
    transformer, given = tiny_transformer(**KINDS[kind]).to(dtype), inputs(dtype=dtype)
    seen = forward(transformer, given, draw_columns(5), BLOCKS, BLOCKS)
    assert (seen.output - transformer(**given).sample).abs().max() == 0.0
    assert all(each.shape == (2, 2, 24, 5) for each in seen.maps.values())


@every_kind
def test_features_are_the_image_tokens_of_every_block_in_their_places(kind):
    transformer, given, handed_on = tiny_transformer(**KINDS[kind]), inputs(), []
    for block in transformer.transformer_blocks:
        block.register_forward_hook(lambda _, __, output: handed_on.append(output[1]))
    features = forward(transformer, given, features=BLOCKS).features
    assert {name: each.shape for name, each in features.items()} == dict.fromkeys(BLOCKS, (2, 16, 4, 6))
    assert feature_widths(transformer) == dict.fromkeys(BLOCKS, 16)
    for feature, tokens in zip(features.values(), handed_on, strict=True):
        assert torch.equal(feature[:, :, 2, 5], tokens[:, 2 * 6 + 5])


@every_kind
@pytest.mark.parametrize("last_block", BLOCKS)
def test_stopped_negatives_are_those_of_a_whole_forward_up_to_that_block(kind, last_block):
    transformer, given = tiny_transformer(**KINDS[kind]), inputs(batch=4)
    until = BLOCKS[: BLOCKS.index(last_block) + 1]
    whole = forward(transformer, given, features=until)
    seen = forward(transformer, given, features=until, last_block=last_block, samples=2)
    assert all(torch.equal(seen.features[name], whole.features[name]) for name in until)
    torch.testing.assert_close(seen.output, transformer(**first(2, given)).sample)


@pytest.mark.parametrize("last_block", BLOCKS)
def test_a_batch_without_negatives_is_the_plain_forward_to_the_bit(last_block):
    transformer, given = tiny_transformer(), inputs()
    seen = forward(transformer, given, last_block=last_block, samples=2)
    assert torch.equal(seen.output, transformer(**given).sample)


def test_negatives_reach_neither_output_nor_maps():
    transformer, given, columns = tiny_transformer(), inputs(batch=4), draw_columns(5)
    latents = given["hidden_states"].requires_grad_()
    seen = forward(transformer, given, columns, **EVERYTHING)
    assert all(each.shape == (2, 2, 24, 5) for each in seen.maps.values())
    (seen.output.sum() + sum(each.square().sum() for each in seen.maps.values())).backward()
    assert latents.grad[:2].any()
    assert not latents.grad[2:].any()


def test_the_maps_of_samples_beside_negatives_are_their_own():
    transformer, given, columns = tiny_transformer(), inputs(batch=4), draw_columns(5)
    alone = forward(transformer, first(2, given), columns, BLOCKS).maps
    torch.testing.assert_close(forward(transformer, given, columns, **EVERYTHING).maps, alone)


@every_kind
@pytest.mark.parametrize("checkpointing", [False, True])
def test_the_transformer_is_as_before_also_after_a_forward_that_failed(kind, checkpointing):
    transformer, given = tiny_transformer(checkpointing, **KINDS[kind]), inputs(batch=4)
    expected, names = transformer(**given).sample, list(transformer.state_dict())
    forward(transformer, given, draw_columns(5), **EVERYTHING)
    with pytest.raises(RuntimeError):
        forward(transformer, {**given, "encoder_hidden_states": torch.zeros(2, 3, 1)}, draw_columns(5), **EVERYTHING)
    assert torch.equal(transformer(**given).sample, expected)
    assert list(transformer.state_dict()) == names
    assert not transformer.norm_out._forward_pre_hooks


@every_kind
def test_gradients_with_checkpointing_are_equal_to_the_bit(kind):
    found = []
    for checkpointing in (False, True):
        transformer = tiny_transformer(checkpointing, **KINDS[kind])
        seen = forward(transformer, inputs(batch=4), draw_columns(5), **EVERYTHING)
        found.append(gradients(transformer, loss_of(seen)))
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(gradient, found[0][name]) for name, gradient in found[1].items())


def gradients_of_two_forwards(checkpointing, reverse):
    """Of forwards that ask for different things, and one that asks for nothing before the backward."""
    transformer, columns = tiny_transformer(checkpointing), draw_columns(5)
    one = loss_of(forward(transformer, inputs(batch=4), columns, **EVERYTHING))
    other = loss_of(forward(transformer, inputs(batch=3), columns.flip(1), BLOCKS[1:3], BLOCKS[:1], "block_0", 2))
    transformer(**inputs(batch=5))
    return gradients(transformer, *((other, one) if reverse else (one, other)))


@pytest.mark.parametrize("reverse", [False, True])
def test_two_forwards_before_a_checkpointed_backward_give_the_gradients_of_each(reverse):
    torch.testing.assert_close(
        gradients_of_two_forwards(True, reverse), gradients_of_two_forwards(False, reverse), rtol=1e-5, atol=1e-7
    )


@pytest.mark.parametrize("backward", [False, True])
def test_what_was_kept_is_freed_with_its_results(backward):
    transformer = tiny_transformer(checkpointing=True)
    seen = forward(transformer, inputs(batch=4), draw_columns(5), **EVERYTHING)
    kept = [weakref.ref(each) for each in (*seen.features.values(), *seen.maps.values())]
    loss = loss_of(seen)
    if backward:
        loss.backward(retain_graph=True)
    del seen, loss
    gc.collect()
    assert not any(each() is not None for each in kept)


def test_a_transformer_is_copied_after_a_step():
    transformer, given, columns = tiny_transformer(checkpointing=True), inputs(batch=4), draw_columns(5)
    gradients(transformer, loss_of(forward(transformer, given, columns, **EVERYTHING)))
    other = copy.deepcopy(transformer)
    torch.testing.assert_close(
        forward(other, given, columns, **EVERYTHING).maps, forward(transformer, given, columns, **EVERYTHING).maps
    )


@pytest.fixture
def no_recompile_limit():
    torch._dynamo.reset()
    counters.clear()
    with torch._dynamo.config.patch(fail_on_recompile_limit_hit=True, cache_size_limit=64):
        yield
    torch._dynamo.reset()


def test_compiled_blocks_give_the_same_gradients(no_recompile_limit):
    asked = {"layers": BLOCKS[:3], "features": ("block_0",), "last_block": "block_0", "samples": 2}
    found = []
    for compiled in (False, True):
        transformer = tiny_transformer(True, num_layers=3, qk_norm="rms_norm", dual_attention_layers=(0,))
        if compiled:
            compile_blocks(transformer, backend="aot_eager")
        seen = forward(transformer, inputs(batch=4), draw_columns(5), **asked)
        found.append(gradients(transformer, loss_of(seen)))
    torch.testing.assert_close(found[1], found[0], rtol=1e-4, atol=1e-6)
    assert counters["stats"]["unique_graphs"]


def test_compiled_blocks_do_what_each_forward_asks_and_reach_no_recompile_limit(no_recompile_limit):
    """A run with every kind of forward."""
    given, columns, plain = inputs(batch=6), draw_columns(5, batch=3), tiny_transformer()
    compiled = tiny_transformer()
    compile_blocks(compiled, backend="eager")

    def check(batch, layers=BLOCKS[1::2], features=("block_1",)):
        pair = {"last_block": "block_1", "samples": batch} if features else {}
        asked = {"columns": columns[:batch], "layers": layers, "features": features, **pair}
        runs = (forward(each, first(2 * batch if pair else batch, given), **asked) for each in (compiled, plain))
        found, expected = map(loss_of, runs)
        torch.testing.assert_close(found, expected)
        return found

    for layers, features in (((), ()), (BLOCKS[1::2], ("block_1",))):
        check(2, layers, features).backward()
        with torch.inference_mode():
            check(2)
            check(1)  # the last batch of validation
    assert 0 < counters["stats"]["unique_graphs"] <= 24


def medium(**config):
    with torch.device("meta"):
        return SD3Transformer2DModel(**FULL_SIZE["sd3-medium"]["transformer"] | config)


def test_blocks_of_stable_diffusion_3_medium():
    transformer = medium()
    assert sum(each.numel() for each in transformer.parameters()) == 2_028_328_000
    assert list(attention_blocks(transformer)) == [f"block_{index}" for index in range(24)]
    assert set(feature_widths(transformer).values()) == {1536}
    assert attention_blocks(transformer)["block_23"].context_pre_only


def flops(transformer, side, pair=False, backward=True, text_tokens=333, **asked):
    """Floating-point operations of one sample, in 1e9; the CPU's own attention would count as none."""
    batch = 2 if pair else 1
    with torch.device("meta"), FlopCounterMode(display=False) as counter, torch.set_grad_enabled(backward):
        given = {
            "hidden_states": torch.empty(batch, 16, side, side),
            "encoder_hidden_states": torch.empty(batch, text_tokens, 4096),
            "pooled_projections": torch.empty(batch, 2048),
            "timestep": torch.empty(batch),
        }
        seen = forward(transformer, given, torch.empty(1, text_tokens, 32), samples=1, **asked)
        if backward:
            sum(each.sum() for each in (seen.output, *seen.maps.values(), *seen.features.values())).backward()
    return counter.get_total_flops() / 1e9


def test_price_of_a_pair_and_of_the_read_out_on_stable_diffusion_3():
    transformer = medium(num_layers=8)
    plain = flops(transformer, side=64)
    middle = flops(transformer, side=64, pair=True, features=("block_3",), last_block="block_3")
    assert middle == pytest.approx(1.5 * plain, rel=0.01)
    every_layer = flops(transformer, side=64, layers=list(attention_blocks(transformer)))
    assert plain < every_layer < 1.025 * plain
