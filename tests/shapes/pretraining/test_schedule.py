"""The learning rate over a pretraining run."""

import pytest

from lightning_compose.shapes.pretraining.schedule import warmup_cosine


def test_it_warms_up_and_ends_at_zero():
    assert warmup_cosine(0, 1000, 10) == pytest.approx(0.1)
    assert warmup_cosine(500, 1000, 10) == pytest.approx(0.5)
    assert warmup_cosine(999, 1000, 10) < 1e-4
