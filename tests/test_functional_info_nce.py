"""InfoNCE: against a literal loop, and the ways in which it is easily wrong."""

import math

import pytest
import torch
from literal_losses import literal_info_nce
from torch._subclasses.fake_tensor import FakeTensorMode

from lightning_compose.functional import info_nce, pair_similarities


def features(seed, *shape, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype).requires_grad_()


def pair_features(batch, dtype=torch.float64):
    return [features(seed, batch, 5, dtype=dtype) for seed in range(3)]


def candidates(batch):
    """Further candidates, with a row that has none."""
    is_other = torch.rand(batch, 4, generator=torch.Generator().manual_seed(3)) < 0.5
    is_other[0] = False
    return features(4, 4, 5), is_other


@pytest.mark.parametrize("batch", [1, 2, 8])
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("further", [False, True])
def test_equals_the_literal_loop(batch, missing, further):
    pair = pair_features(batch)
    has_negative = torch.arange(batch) % 2 == 1 if missing else torch.ones(batch, dtype=torch.bool)
    temperature = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    others, is_other = candidates(batch) if further else (pair[0][:0], torch.ones(batch, 0, dtype=torch.bool))
    ours = info_nce(*pair, has_negative, temperature, others, is_other)
    literal = literal_info_nce(*pair, has_negative, temperature, others, is_other)
    torch.testing.assert_close(ours, literal, rtol=1e-9, atol=1e-15)
    leaves = [*pair, temperature, others]
    for found, expected in zip(
        torch.autograd.grad(ours, leaves, materialize_grads=True, allow_unused=True),
        torch.autograd.grad(literal, leaves, materialize_grads=True, allow_unused=True),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-14)


def test_gradcheck():
    others, is_other = candidates(3)
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    has_negative = torch.tensor([True, False, True])

    def of_features(positive, negative, text, temperature, others):
        return info_nce(positive, negative, text, has_negative, temperature, others, is_other)

    assert torch.autograd.gradcheck(of_features, (*pair_features(3), temperature, others))


def test_a_batch_is_the_mean_of_its_rows():
    pair, has_negative = pair_features(4), torch.tensor([True, True, False, True])
    rows = [info_nce(*(each[row : row + 1] for each in pair), has_negative[row : row + 1]) for row in range(4)]
    whole = info_nce(*pair, has_negative)
    torch.testing.assert_close(whole, torch.stack(rows).mean())
    parts = torch.autograd.grad(torch.stack(rows).mean(), pair)
    for found, expected in zip(torch.autograd.grad(whole, pair), parts, strict=True):
        torch.testing.assert_close(found, expected)


def test_no_negatives_at_all_is_zero_with_zero_gradients():
    pair = pair_features(3, torch.float32)
    temperature = torch.tensor(0.07, requires_grad=True)
    loss = info_nce(*pair, torch.zeros(3, dtype=torch.bool), temperature)
    loss.backward()
    assert loss == 0.0
    assert all((leaf.grad == 0).all() for leaf in (*pair, temperature))


def test_without_masks_every_candidate_is_a_negative():
    pair, others = pair_features(3), features(4, 2, 5)
    given = info_nce(*pair, torch.ones(3, dtype=torch.bool), 0.07, others, torch.ones(3, 2, dtype=torch.bool))
    assert info_nce(*pair, others=others) == given
    assert info_nce(*pair, others=others) > info_nce(*pair)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_no_length_matters(which):
    # A public port left the text as it was: its logits grew with the text's norm.
    pair, others = pair_features(4), features(4, 2, 5)
    plain = info_nce(*pair, others=others)
    longer = [each * 50 if index == which else each for index, each in enumerate(pair)]
    torch.testing.assert_close(info_nce(*longer, others=others * 3), plain)


def test_every_row_has_its_own_positive():
    # A public port gave all rows the label 0 of a concatenated batch.
    text = torch.eye(4)
    is_other = ~torch.eye(4, dtype=torch.bool)
    matched = info_nce(text, text.roll(1, 0), text, others=text, is_other=is_other)
    shuffled = info_nce(text.roll(1, 0), text, text, others=text.roll(1, 0), is_other=is_other)
    assert matched < 1e-4
    assert shuffled > 10


def test_equally_similar_images_cost_log_2():
    pair = pair_features(2)
    torch.testing.assert_close(info_nce(pair[0], pair[0], pair[2]).item(), math.log(2))


@pytest.mark.parametrize("zero", [0, 1, 2])
def test_vectors_of_zeros_give_ordinary_gradients(zero):
    pair = pair_features(2, torch.float32)
    pair[zero].data[0] = 0
    loss = info_nce(*pair)
    loss.backward()
    assert loss.isfinite()
    assert all((leaf.grad.abs() < 100).all() for leaf in pair)


def test_confident_rows_are_finite():
    text = torch.eye(2)
    pair = [text.clone().requires_grad_(), (-text).requires_grad_(), text]
    for positive, negative in (pair[:2], pair[1::-1]):
        loss = info_nce(positive, negative, text, temperature=1e-3)
        assert loss.isfinite()
        assert all(each.isfinite().all() for each in torch.autograd.grad(loss, pair[:2]))


def test_half_precision_is_computed_in_float32():
    others = features(4, 2, 5, dtype=torch.bfloat16)
    pair = pair_features(3, torch.bfloat16)
    loss = info_nce(*pair, others=others)
    assert loss.dtype == torch.float32
    assert torch.equal(loss, info_nce(*(each.float() for each in pair), others=others.float()))


def test_autocast_changes_nothing():
    pair, others = pair_features(3, torch.float32), features(4, 2, 5, dtype=torch.float32)
    plain = info_nce(*pair, others=others)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert info_nce(*pair, others=others) == plain


def test_no_value_is_looked_at():
    mode = FakeTensorMode()
    pair = [mode.from_tensor(each) for each in pair_features(3)]
    temperature = mode.from_tensor(torch.tensor(0.07, requires_grad=True))
    with mode:
        info_nce(
            *pair, torch.ones(3, dtype=torch.bool), temperature, pair[0], ~torch.eye(3, dtype=torch.bool)
        ).backward()


def test_similarities_are_cosines():
    positive, negative, text = pair_features(4)
    found = pair_similarities(positive, negative, text)
    expected = [torch.nn.functional.cosine_similarity(each, text) for each in (positive, negative)]
    torch.testing.assert_close(list(found), expected)


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": torch.ones(3, 4)},
        {"negative": torch.ones(1, 5)},
        {"has_negative": torch.ones(3, 1, dtype=torch.bool)},
        {"others": torch.ones(2, 4)},
        {"others": torch.ones(2, 5), "is_other": torch.ones(2, 3, dtype=torch.bool)},
        {"is_other": torch.ones(3, 2, dtype=torch.bool)},
        {"temperature": 0.0},
    ],
)
def test_what_does_not_fit_is_refused(wrong):
    pair = dict.fromkeys(("positive", "negative", "text"), torch.ones(3, 5))
    with pytest.raises(ValueError, match=r"^Expected"):
        info_nce(**(pair | wrong))
