"""What a candidate's colour is excused: being off, but not being faded."""

import numpy as np
import pytest

from lightning_compose.shapes.oracle.candidate import MOST_FADED, _too_faded

TO_GREY = np.array([3.0, 4.0, 0.0])  # from the colour to what is behind it: 5 levels


@pytest.mark.parametrize(
    ("tint", "too_much"),
    [
        (TO_GREY * 4, TO_GREY / 5 * (20 - MOST_FADED)),
        (TO_GREY * MOST_FADED / 5, np.zeros(3)),
        (-TO_GREY * 4, np.zeros(3)),
        (np.array([0.0, 0.0, 40.0]), np.zeros(3)),
    ],
)
def test_only_what_is_faded_beyond_the_limit_is_too_much(tint, too_much):
    np.testing.assert_allclose(_too_faded(tint, TO_GREY), too_much, atol=1e-9)


def test_over_its_own_colour_nothing_fades():
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(_too_faded(np.array([0.0, 30.0, 0.0]), np.zeros(3)), np.zeros(3))
