"""Bytes on fake tensors: what is alive at once, whatever shares it."""

import torch
import torch.nn.functional as F  # noqa: N812
from torch._subclasses.fake_tensor import FakeTensorMode

from benchmarks.live_bytes import LiveBytes, autocast_as_on_cuda


def test_what_is_freed_no_longer_counts_but_for_the_peak():
    with FakeTensorMode(), LiveBytes() as live:
        first = torch.empty(1000)
        second = torch.empty(500, dtype=torch.float16)
        assert (live.now, live.peak) == (5000, 5000)
        del first
        assert (live.now, live.peak) == (1000, 5000)
        live.restart()
        assert live.peak == 1000
        del second
    assert live.now == 0


def test_views_and_changes_in_place_count_once():
    with FakeTensorMode(), LiveBytes() as live:
        base = torch.empty(10, 100)
        kept = [base.T, base[3], base.add_(1)]
        assert live.now == 4000
        del base
        assert live.now == 4000, "a view keeps all of it"
        kept.clear()
        assert live.now == 0


def test_a_backward_pass_frees_what_the_forward_kept():
    with FakeTensorMode(), LiveBytes() as live:
        weight = torch.empty(100, 100, requires_grad=True)
        held = live.now
        loss = (torch.empty(50, 100) @ weight).square().sum()
        kept = live.now - held
        assert kept >= 2 * 50 * 100 * 4, "the input and what is squared"
        loss.backward()
        del loss
        assert live.now == 2 * held, "weight and gradient"


def test_normalisations_are_float32_under_autocast_alone():
    inputs = torch.randn(2, 4)
    with autocast_as_on_cuda(), torch.autocast("cpu", torch.bfloat16):
        assert F.layer_norm(inputs.bfloat16(), (4,)).dtype is torch.float32
        assert F.group_norm(inputs.bfloat16(), 2).dtype is torch.float32
    with autocast_as_on_cuda():
        assert F.layer_norm(inputs.bfloat16(), (4,)).dtype is torch.bfloat16
    with torch.autocast("cpu", torch.bfloat16):
        assert F.layer_norm(inputs.bfloat16(), (4,)).dtype is torch.bfloat16
