"""Let only the first samples of a batch go on: positives come first, their negatives after them."""

from __future__ import annotations

from typing import Any

from torch import Tensor


def first_samples(value: Any, samples: int) -> Any:
    """Return a value with every tensor in it, through tuples and dicts, cut to the first samples."""
    if isinstance(value, Tensor):
        return value[:samples] if len(value) > samples else value
    if type(value) is tuple:
        return tuple(first_samples(each, samples) for each in value)
    if type(value) is dict:
        return {name: first_samples(each, samples) for name, each in value.items()}
    return value
