"""Pairs that several tests look at, drawn once."""

import pytest

from lightning_compose.shapes.pairs import ROUND, draw_pair


@pytest.fixture(scope="session")
def train_pairs():
    return [draw_pair(11, "train", index) for index in range(80 * len(ROUND))]


@pytest.fixture(scope="session")
def held_out_pairs():
    return [draw_pair(11, "held_out", index) for index in range(16 * len(ROUND))]


@pytest.fixture(scope="session")
def some_pairs(train_pairs, held_out_pairs):
    """A few of each category, from both splits."""
    return train_pairs[: 20 * len(ROUND)] + held_out_pairs[: 4 * len(ROUND)]
