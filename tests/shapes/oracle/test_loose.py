"""Scenes drawn loosely stay what they are, and are wrong in colour, outline, edge and background by what is said."""

import numpy as np
import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle import loose
from lightning_compose.shapes.oracle.loose import draw_loosely
from lightning_compose.shapes.palette import COLORS
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Background, Object, Scene

SQUARES = Scene(
    Background("meadow"),
    (Object("square", "red", "plain", 0.25, 0.5, 0.4), Object("square", "blue", "plain", 0.75, 0.5, 0.4)),
)
MIDDLES = {"red": (slice(28, 36), slice(12, 20)), "blue": (slice(28, 36), slice(44, 52))}
BEHIND = slice(50, 62)  # rows below the squares
DRAWS = 12


def drawn(scene=SQUARES, count=DRAWS):
    return np.stack([draw_loosely(scene, generator(number, "test/loose")) for number in range(count)]).astype(float)


@pytest.fixture
def straight(monkeypatch):
    """Neither bend nor blur."""
    monkeypatch.setattr(loose, "BENT_PX", 0.0)
    monkeypatch.setattr(loose, "blurred", lambda image, _: image)


def test_each_object_is_off_in_each_channel_by_itself_and_within_its_limit(straight):
    images = drawn()
    off = {name: images[:, *place].mean(axis=(1, 2)) - COLORS[name] for name, place in MIDDLES.items()}
    free = {"red": (1, 2), "blue": (0, 1)}  # channels far from 0 and 255, that nothing clips
    for name, channels in free.items():
        of_channels = off[name][:, channels]
        assert 12 < np.abs(of_channels).max() <= 20 + 1
        assert of_channels.min() < 0 < of_channels.max()
        assert np.abs(np.diff(of_channels)).max() > 5
    assert np.abs(off["red"][:, 1] - off["blue"][:, 1]).max() > 5


def test_the_background_is_another_of_its_kind_and_the_objects_do_not_show_it(straight):
    changed = drawn() - render(SQUARES)
    behind = changed[:, BEHIND]
    # A pattern of its own, not a shift alone.
    assert all(each.std(axis=(0, 1)).max() > 2 for each in behind)
    assert np.abs(behind.mean(axis=(1, 2))).max() <= 20
    assert all(changed[:, *place].std(axis=(1, 2)).max() < 1 for place in MIDDLES.values())


def test_the_background_has_another_tone(straight, monkeypatch):
    toned = drawn(count=2)[:, BEHIND]
    monkeypatch.setattr(loose, "TONE_OFF", 0.0)
    off = (toned - drawn(count=2)[:, BEHIND]).reshape(2, -1, 3)
    assert 1 < np.abs(off).max() <= 10 + 1
    assert np.ptp(off, axis=1).max() <= 1, "one tone for all of it"
    assert np.abs(off[0] - off[1]).max() > 1


def edges(image):
    """Return the column, in px, at which each row passes from what lies left of the red square into it."""
    redness = image[22:42, :20, 0] - image[22:42, :20, 1]
    return np.argmax(redness > redness[:, -1:] / 2, axis=1)


def test_outlines_are_bent_but_stay_where_they_are(monkeypatch):
    bent = np.stack([edges(each) for each in drawn()])
    monkeypatch.setattr(loose, "BENT_PX", 0.0)
    straight = np.stack([edges(each) for each in drawn()])
    assert not np.ptp(straight, axis=1).any()
    assert np.ptp(bent, axis=1).any()
    assert set((bent - straight).ravel().tolist()) == {-1, 0, 1}


def test_all_is_moved_smoothly_and_by_less_than_a_pixel_in_both_directions():
    places = np.stack(np.mgrid[:64, :64], axis=-1).astype(float)
    moved = (loose._bent(places, generator(0, "test/loose")) - places)[4:-4, 4:-4]
    farthest = np.abs(moved).max(axis=(0, 1))
    assert (farthest > 0.6).all()
    assert (farthest <= 0.7).all()
    assert max(np.abs(np.diff(moved, axis=axis)).max() for axis in (0, 1)) < 0.7 * 0.4


def test_edges_are_soft(monkeypatch):
    soft = np.abs(np.diff(drawn(count=1)[0], axis=1)).max()
    monkeypatch.setattr(loose, "blurred", lambda image, _: image)
    assert soft < 0.9 * np.abs(np.diff(drawn(count=1)[0], axis=1)).max()


def test_the_same_generator_draws_the_same(straight):
    np.testing.assert_array_equal(drawn(count=2), drawn(count=2))
