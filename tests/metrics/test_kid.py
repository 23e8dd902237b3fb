"""KID against its formula written as loops, and without a trace in the global generator."""

import pytest
import torch
from tiny_clip import tiny_clip
from torch import nn

from lightning_compose.metrics.kid import ImageTower, KernelInceptionDistance


def kid_by_loops(real, drawn):
    """Binkowski et al. (2018), eq. 4, with the kernel (x y / d + 1)^3."""
    count, width = real.shape

    def kernel(first, second):
        return (float(first @ second) / width + 1) ** 3

    others = [(i, j) for i in range(count) for j in range(count) if i != j]
    within = sum(kernel(each[i], each[j]) for each in (real, drawn) for i, j in others) / len(others)
    across = sum(kernel(first, second) for first in real for second in drawn) / count**2
    return within - 2 * across


def features(seed, count=6):
    return torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))


def distance(*parts):
    metric = KernelInceptionDistance(nn.Identity())
    for real, drawn in parts:
        metric.update(real, real=True)
        metric.update(drawn, real=False)
    return metric.compute()


def test_it_is_its_formula():
    real, drawn = features(0), features(1) + 1
    assert float(distance((real, drawn))[0]) == pytest.approx(kid_by_loops(real, drawn), rel=1e-5)


def test_neither_the_order_nor_the_batches_matter():
    real, drawn = features(0), features(1) + 1
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    in_two = distance((real[order][:2], drawn[:2]), (real[order][2:], drawn[2:]))
    assert float(in_two[0]) == pytest.approx(float(distance((real, drawn))[0]), rel=1e-5)


def test_the_training_does_not_notice():
    before = torch.get_rng_state()
    distance((features(0), features(1)))
    assert torch.equal(torch.get_rng_state(), before)


def test_images_that_differ_more_are_farther():
    real = features(0, 40)
    near, far = (float(distance((real, features(1, 40) + shift))[0]) for shift in (0.1, 1.0))
    assert near < far


def test_numbers_must_agree():
    with pytest.raises(ValueError, match="as many real images as drawn ones, got 6 and 5"):
        distance((features(0), features(1)[:5]))


def test_one_image_has_no_distance():
    assert distance((features(0)[:1], features(1)[:1])) is None
    assert KernelInceptionDistance(nn.Identity()).compute() is None


def test_the_tower_is_the_models_own_before_its_projection():
    model = tiny_clip()
    pixels = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        projected = model.visual_projection(ImageTower(model)(pixels))
        wanted = model(input_ids=torch.tensor([[1, 2]] * 2), pixel_values=pixels).image_embeds
    torch.testing.assert_close(nn.functional.normalize(projected), wanted)
