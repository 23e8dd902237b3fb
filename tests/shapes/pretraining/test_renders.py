"""Batches of renders are named by (seed, stream, index)."""

import torch

from lightning_compose.shapes.pretraining.renders import render_batch


def test_batch_is_a_slice_of_the_stream():
    assert torch.equal(render_batch(0, "a", 0, 4)[2:], render_batch(0, "a", 2, 2))


def test_streams_and_seeds_differ():
    first = render_batch(0, "a", 0, 1)
    assert not torch.equal(first, render_batch(0, "b", 0, 1))
    assert not torch.equal(first, render_batch(1, "a", 0, 1))


def test_pixels_span_minus_one_to_one_channels_last():
    pixels = render_batch(0, "a", 0, 8, size_px=32)
    assert pixels.shape == (8, 3, 32, 32)
    assert pixels.dtype == torch.float32
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    assert -1 <= pixels.min() < -0.5 < 0.5 < pixels.max() <= 1
