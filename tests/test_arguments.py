"""What is in its range passes, its bounds too; what is not is refused by its name."""

import re

import numpy as np
import pytest

from lightning_compose.arguments import (
    require_at_least,
    require_between,
    require_one_of,
    require_part,
    require_share,
)


def test_what_is_in_range_passes():
    require_at_least(1, a=1, b=np.int64(2))
    require_between(1, 3, a=1, b=3)
    require_share(a=0, b=0.5, c=1)
    require_part(a=0.0, b=0.999)
    require_one_of(("center", "random"), a="center", b="random")


@pytest.mark.parametrize(
    ("require", "values", "message"),
    [
        (lambda **values: require_at_least(2, **values), {"a": 2, "b": 1}, "Expected `b` to be at least 2, got 1."),
        (lambda **values: require_at_least(2, **values), {"a": 77.5}, "Expected `a` to be a whole number, got 77.5."),
        (lambda **values: require_at_least(0, **values), {"a": True}, "Expected `a` to be a whole number, got True."),
        (lambda **values: require_between(1, 3, **values), {"a": 0}, "Expected `a` to be in [1, 3], got 0."),
        (lambda **values: require_between(1, 3, **values), {"a": 3, "b": 4}, "Expected `b` to be in [1, 3], got 4."),
        (lambda **values: require_between(1, 3, **values), {"a": 2.0}, "Expected `a` to be a whole number, got 2.0."),
        (require_share, {"a": 1.5}, "Expected `a` to be a share in [0, 1], got 1.5."),
        (require_share, {"a": -0.1}, "Expected `a` to be a share in [0, 1], got -0.1."),
        (require_share, {"a": float("nan")}, "Expected `a` to be a share in [0, 1], got nan."),
        (require_part, {"a": 0.5, "b": 1}, "Expected `b` to be a share in [0, 1), got 1."),
        (require_part, {"a": -0.1}, "Expected `a` to be a share in [0, 1), got -0.1."),
        (
            lambda **values: require_one_of(("x", "y"), **values),
            {"a": "z"},
            "Expected `a` to be one of ['x', 'y'], got 'z'.",
        ),
    ],
)
def test_what_is_not_is_refused_by_its_name(require, values, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        require(**values)
