"""Draws depend on (seed, stream, index) and on nothing else."""

import numpy as np
import pytest

from lightning_compose.seeding import generator


def test_same_name_gives_same_numbers_whatever_was_drawn_before():
    first = generator(7, "noise", 3).standard_normal(1000)
    generator(7, "noise", 2).standard_normal(5)
    assert np.array_equal(first, generator(7, "noise", 3).standard_normal(1000))


@pytest.mark.parametrize("other", [(8, "noise", 3), (7, "timestep", 3), (7, "noise", 4), (7, "noise", 2**40)])
def test_another_name_gives_independent_numbers(other):
    first, second = generator(7, "noise", 3).standard_normal(4000), generator(*other).standard_normal(4000)
    assert abs(np.corrcoef(first, second)[0, 1]) < 0.06
