"""Connected parts of a mask, drawn as text."""

import numpy as np
import pytest

from lightning_compose.shapes.oracle.connected import connected_parts


def mask(*rows):
    return np.array([[mark == "#" for mark in row] for row in rows])


def test_parts_come_largest_first_and_cover_the_mask():
    whole = mask("##..#", "#...#", "....#", "....#")
    first, second = connected_parts(whole)
    assert (first.sum(), second.sum()) == (4, 3)
    assert ((first | second) == whole).all()


def test_arms_that_meet_later_are_one_part():
    assert len(connected_parts(mask("#.#.#", "#.#.#", "#####"))) == 1


@pytest.mark.parametrize(("corners", "parts"), [(True, 1), (False, 2)])
@pytest.mark.parametrize("rows", [("#.", ".#"), (".#", "#.")])
def test_corners(rows, corners, parts):
    assert len(connected_parts(mask(*rows), corners)) == parts


def test_nothing_has_no_parts():
    assert connected_parts(mask("..", "..")) == []
