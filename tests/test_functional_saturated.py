"""Token and pixel loss where attention is nearly 0 or 1."""

import pytest
import torch
from noun_maps import random_case
from torch.nn.functional import binary_cross_entropy_with_logits

from lightning_compose.functional import pixel_loss, token_loss


def of_tokens(case, variant):
    return token_loss(case.attention, case.noun_tokens, case.masks, variant)


def of_pixels(case, variant):
    return pixel_loss(case.attention, case.others, case.noun_tokens, case.masks, variant)


both_losses = pytest.mark.parametrize("loss", [of_tokens, of_pixels])
both_variants = pytest.mark.parametrize("variant", ["code", "paper"])


def pulls(loss, case):
    """A dL/dA of every probability A, which is what reaches a logit."""
    leaves = case.attention + case.others
    gradients = torch.autograd.grad(loss, leaves, materialize_grads=True)
    return torch.cat([(leaf * each).detach().flatten() for leaf, each in zip(leaves, gradients, strict=True)])


@both_variants
@both_losses
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_saturated_attention_is_finite_in_float32(loss, variant, dtype):
    case = random_case(8, 2)
    for layer in case.attention + case.others:
        layer.data = (layer > 0.3).double()
    case.attention[1].data[:, :, 4:] = 0.0  # whole columns underflow to 0
    case = case.to(dtype)
    value = loss(case, variant)
    assert value.dtype == torch.float32
    assert value.isfinite()
    assert pulls(value, case).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@both_variants
def test_the_most_wrong_positions_are_pulled_as_by_the_cross_entropy_of_the_logits(variant, dtype):
    logits = torch.tensor([-60.0, -20.0, 0.0, 20.0, 60.0, -60.0, -20.0, 0.0, 20.0, 60.0], requires_grad=True)
    mask = torch.arange(10) < 5
    noun, others = (each.to(dtype).view(1, 1, 1, 1, 10) for each in (logits.sigmoid(), (-logits).sigmoid()))
    noun_tokens = torch.ones(1, 1, 1, dtype=torch.bool)
    pixel_loss([noun], [others], noun_tokens, mask.view(1, 1, 1, 10), variant, text_tokens=1).backward()
    exact = logits.detach().double().requires_grad_()
    binary_cross_entropy_with_logits(exact, mask.double()).backward()
    tolerance = 1e-6 if dtype == torch.float32 else 0.01
    torch.testing.assert_close(logits.grad.double(), exact.grad, rtol=tolerance, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
@both_variants
def test_faint_maps_have_finite_pixel_gradients_on_a_single_position(variant, dtype):
    for exponent in range(-160, 1):
        maps = torch.full((1, 1, 1, 1, 1), 2.0).pow(exponent).to(dtype).requires_grad_()
        true = torch.ones(1, 1, 1, 1, dtype=torch.bool)
        value = pixel_loss([maps], [torch.ones_like(maps)], true[..., 0], true, variant, text_tokens=1)
        value.backward()
        assert value.isfinite()
        assert maps.grad.isfinite()
        assert maps.grad * maps == (-1 if maps > max(1e-30, 1 / torch.finfo(dtype).max) else 0)


def test_a_column_without_any_mass_counts_as_outside_and_pulls_nowhere():
    attention = torch.zeros(1, 1, 1, 2, 2, requires_grad=True)
    noun_tokens, masks = torch.ones(1, 1, 1, dtype=torch.bool), torch.tensor([[[[True, False]]]])
    value = token_loss([attention], noun_tokens, masks)
    value.backward()
    assert value == 1.0
    assert (attention.grad == 0).all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
def test_a_faint_column_is_pulled_like_a_strong_one(dtype):
    # The ratio knows no scale: the pull on a logit, A dL/dA, must not fade with A.
    pulls = []
    for scale in (1.0, 2.0**-90):
        attention = (scale * torch.tensor([0.25, 0.5])).view(1, 1, 1, 1, 2).to(dtype).requires_grad_()
        noun_tokens, masks = torch.ones(1, 1, 1, dtype=torch.bool), torch.tensor([[[[True, False]]]])
        token_loss([attention], noun_tokens, masks).backward()
        pulls.append(attention.detach() * attention.grad)
    torch.testing.assert_close(*pulls)


def test_inside_everything_the_token_loss_keeps_its_last_digits():
    attention = torch.tensor([1.0, 1e-9]).view(1, 1, 1, 1, 2)
    noun_tokens, masks = torch.ones(1, 1, 1, dtype=torch.bool), torch.tensor([[[[True, False]]]])
    torch.testing.assert_close(
        token_loss([attention], noun_tokens, masks, "paper"), torch.tensor(1e-9), atol=0, rtol=1e-5
    )


@both_variants
@both_losses
@pytest.mark.parametrize("sharpness", [2.0, 12.0])
def test_half_precision_maps_give_nearly_the_gradient_of_exact_ones(loss, variant, sharpness):
    exact = random_case(9, 4, sharpness=sharpness)
    true = pulls(loss(exact, variant), exact)
    rounded = exact.to(torch.bfloat16)
    found = pulls(loss(rounded, variant), rounded)
    assert (found - true).norm() < 0.01 * true.norm()
