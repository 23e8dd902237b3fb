"""Token and pixel loss: against literal loops, and what they do with samples, nouns and masks."""

import math

import pytest
import torch
from literal_losses import literal_masks, literal_pixel_loss, literal_share, literal_token_loss
from noun_maps import MIXED, Operations, random_case
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_compose.functional import in_mask_share, pixel_loss, resize_masks, token_loss

VARIANTS = ("code", "paper")
ONE_GROUP = ((3, 4, 2), (3, 4, 3))
SATURATED = 12.0  # times the logits
SMALL = ((2, 3, 2), (2, 3, 2), (1, 2, 1))


def ours_token(case, variant):
    return token_loss(case.attention, case.noun_tokens, case.masks, variant)


def ours_pixel(case, variant):
    return pixel_loss(case.attention, case.others, case.noun_tokens, case.masks, variant)


def literal_token(case, variant):
    return literal_token_loss(case.attention, case.noun_tokens, case.masks, variant)


def literal_pixel(case, variant):
    return literal_pixel_loss(case.attention, case.others, case.noun_tokens, case.masks, variant)


LOSSES = {"token": (ours_token, literal_token), "pixel": (ours_pixel, literal_pixel)}
both_losses = pytest.mark.parametrize("loss", [ours_token, ours_pixel])
both_variants = pytest.mark.parametrize("variant", VARIANTS)


def gradients(loss, case):
    leaves = case.attention + case.others
    return torch.cat([each.flatten() for each in torch.autograd.grad(loss, leaves, materialize_grads=True)])


def unsupervised(case, how):
    if how == "no tokens":
        case.noun_tokens[:] = False
    else:
        case.masks[:] = False
    return case


@both_variants
@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize(
    ("batch", "layers", "sharpness"), [(1, SMALL, 2.0), (2, MIXED, 2.0), (3, ONE_GROUP, SATURATED), (8, SMALL, 2.0)]
)
def test_equals_the_literal_loops(name, variant, batch, layers, sharpness):
    case = random_case(batch, batch, layers, sharpness)
    least = min(each.min() for each in case.attention + case.others)
    assert 1e-30 < least < (1e-16 if sharpness == SATURATED else 1e-2)
    ours, literal = (loss(case, variant) for loss in LOSSES[name])
    assert ours.shape == ()
    assert ours.dtype == torch.float64
    torch.testing.assert_close(ours, literal, rtol=1e-9, atol=0)
    torch.testing.assert_close(gradients(ours, case), gradients(literal, case), rtol=1e-9, atol=1e-15)


@both_variants
@both_losses
def test_gradcheck(loss, variant):
    case = random_case(4, 2, ((2, 3, 2), (2, 3, 1)))

    def of_maps(*maps):
        case.attention, case.others = list(maps[:2]), list(maps[2:])
        return loss(case, variant)

    assert torch.autograd.gradcheck(of_maps, (*case.attention, *case.others))


@both_variants
@both_losses
def test_a_batch_is_the_mean_of_its_samples(loss, variant):
    case = random_case(5, 3)
    case.masks[1] = False
    samples = [case.sample(index) for index in range(3)]
    values = [loss(sample, variant) for sample in samples]
    whole = loss(case, variant)
    assert values[1] == 0.0
    torch.testing.assert_close(whole, torch.stack(values).mean())
    for which in ("attention", "others"):
        for layer in range(len(case.attention)):
            parts = [
                torch.autograd.grad(value, getattr(sample, which)[layer], retain_graph=True, materialize_grads=True)[0]
                for value, sample in zip(values, samples, strict=True)
            ]
            (of_whole,) = torch.autograd.grad(
                whole, getattr(case, which)[layer], retain_graph=True, materialize_grads=True
            )
            torch.testing.assert_close(of_whole, torch.cat(parts) / 3)


@both_variants
@both_losses
@pytest.mark.parametrize("how", ["no tokens", "no masks"])
def test_nothing_supervised_is_zero_with_a_graph(loss, variant, how):
    case = unsupervised(random_case(6, 2), how)
    value = loss(case, variant)
    assert value == 0.0
    assert value.requires_grad
    value.backward()
    assert all((layer.grad == 0).all() for layer in case.attention)


@both_losses
def test_the_variants_differ(loss):
    case = random_case(7, 2)
    assert not math.isclose(loss(case, "code").item(), loss(case, "paper").item(), rel_tol=0.01)


def test_a_vanished_noun_is_not_counted():
    attention = torch.full((1, 1, 2, 1, 4), 0.1)
    noun_tokens, masks = torch.eye(2, dtype=torch.bool)[None], torch.zeros(1, 2, 4, 16, dtype=torch.bool)
    masks[0, 0, :, :8] = True
    masks[0, 1, 0, 0] = True
    assert token_loss([attention], noun_tokens, masks) == 0.25


@both_losses
def test_autocast_changes_nothing(loss):
    case = random_case(10, 2).to(torch.float32)
    plain = loss(case, "code")
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert loss(case, "code") == plain


@both_variants
@both_losses
def test_no_operation_a_sample_or_a_noun_and_none_larger_than_a_map(loss, variant):
    counts = []
    for batch in (2, 7):
        case = random_case(11, batch, ((16, 16, 4), (16, 16, 4)))
        with Operations() as seen:
            loss(case, variant).backward()
        assert seen.largest <= case.attention[0].numel()
        counts.append(seen.count)
    assert counts[0] == counts[1]


@both_variants
@both_losses
def test_no_value_is_looked_at(loss, variant):
    # Tensors without content raise at .item() and at every branch on their values.
    case, mode = random_case(12, 2), FakeTensorMode(allow_non_fake_inputs=False)
    case.attention, case.others = (
        [mode.from_tensor(layer) for layer in each] for each in (case.attention, case.others)
    )
    case.noun_tokens, case.masks = mode.from_tensor(case.noun_tokens), mode.from_tensor(case.masks)
    with mode:
        loss(case, variant).backward()


def test_paper_pixel_loss_is_divided_by_the_length_of_the_text():
    case = random_case(13, 1)
    arguments = (case.attention, case.others, case.noun_tokens, case.masks, "paper")
    torch.testing.assert_close(pixel_loss(*arguments, text_tokens=7), 11 * pixel_loss(*arguments, text_tokens=77))


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (5, 7), (6, 9), (12, 18), (24, 20)])
def test_masks_are_resized_as_the_authors_do(size):
    masks = random_case(14, 2).masks
    resized = resize_masks(masks, *size)
    assert resized.dtype == torch.bool
    assert torch.equal(resized, literal_masks(masks, *size))


def test_small_masks_vanish():
    masks = torch.zeros(1, 1, 32, 32, dtype=torch.bool)
    masks[0, 0, :2, :2] = True
    assert not resize_masks(masks, 4, 4).any()
    assert resize_masks(masks, 16, 16).any()


def test_share_equals_the_literal_loops():
    case = random_case(15, 3)
    case.masks[1] = False
    share = in_mask_share(case.attention, case.noun_tokens, case.masks)
    expected = torch.tensor(literal_share(case.attention, case.noun_tokens, case.masks), dtype=torch.float64)
    assert not share.requires_grad
    assert share[1].isnan()
    torch.testing.assert_close(share, expected, equal_nan=True)


def test_share_leaves_out_the_layers_where_the_nouns_vanished():
    case = random_case(16, 1)
    case.noun_tokens[:, [0, 1, 2, 4]] = False
    fine = [layer for layer in case.attention if resize_masks(case.masks, *layer.shape[-2:])[:, 3].any()]
    everywhere = in_mask_share(case.attention, case.noun_tokens, case.masks)
    assert 0 < len(fine) < len(case.attention)
    assert torch.equal(everywhere, in_mask_share(fine, case.noun_tokens, case.masks))


@both_losses
def test_an_unknown_variant_is_refused_by_name(loss):
    with pytest.raises(ValueError, match=r"one of \['code', 'paper'\], got 'papre'"):
        loss(random_case(17, 1), "papre")


@pytest.mark.parametrize("wrong", ["attention", "others", "noun_tokens", "masks", "no layers", "fewer others"])
def test_shapes_that_do_not_agree_are_refused(wrong):
    case = random_case(18, 2)
    if wrong == "attention":
        case.attention[1] = case.attention[1][:, 0]
    elif wrong == "others":
        case.others[1] = case.others[1][:, :, :1]
    elif wrong == "noun_tokens":
        case.noun_tokens = case.noun_tokens[:1]
    elif wrong == "masks":
        case.masks = case.masks[:, :2]
    elif wrong == "no layers":
        case.attention = case.others = []
    else:
        case.others = case.others[:-1]
    with pytest.raises(ValueError, match=r"^Expected"):
        ours_pixel(case, "code")
