"""Image and masks move together: images here say in their pixels where each pixel came from."""

import numpy as np
import pytest

from lightning_compose.data.transforms import Placement, Transform, has_direction


def coordinate_image(height, width):
    """Red is the row, green the column."""
    rows, columns = np.mgrid[:height, :width]
    return np.stack([rows, columns, np.zeros_like(rows)], axis=-1).astype(np.uint8)


def blob(height, width):
    mask = np.zeros((height, width), dtype=bool)
    mask[height // 4 : height // 2, width // 8 : width // 2] = True
    return mask


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(("height", "width"), [(32, 50), (50, 32), (32, 32)])
@pytest.mark.parametrize("top_left", [(0.0, 0.0), (0.3, 0.8), (1.0, 1.0)])
def test_mask_follows_every_pixel_through_crop_and_mirror(height, width, top_left, mirrored):
    mask = blob(height, width)
    transform, placement = Transform(size_px=32), Placement(*top_left, mirrored)
    image = transform.image(coordinate_image(height, width), placement)
    assert image.shape == (32, 32, 3)
    assert np.array_equal(transform.mask(mask, placement), mask[image[..., 0], image[..., 1]])
    assert (image[0, 0, 1] > image[0, -1, 1]) == mirrored


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("size_px", [16, 48, 200])
def test_mask_follows_through_resizing(size_px, mirrored):
    mask = blob(96, 150)
    transform, placement = Transform(size_px), Placement(0.0, 0.2, mirrored)
    as_image = np.repeat(mask[..., None], 3, axis=-1).astype(np.uint8) * 255
    moved, image = transform.mask(mask, placement), transform.image(as_image, placement)
    assert moved.shape == (size_px, size_px)
    assert np.mean(moved != (image[..., 0] >= 128)) < 0.01


def test_what_fits_is_not_touched():
    image = coordinate_image(32, 32)
    assert Transform(32).image(image, Placement()) is not None
    assert np.shares_memory(Transform(32).image(image, Placement()), image)


def test_a_mask_of_half_a_pixel_stays_and_of_less_vanishes():
    mask = np.zeros((8, 8), dtype=bool)
    mask[0, :2] = True
    assert Transform(4).mask(mask, Placement())[0, 0]
    mask[0, 0] = False
    assert not Transform(4).mask(mask, Placement()).any()


def test_center_crop_leaves_as_much_on_both_sides():
    image = Transform(32).image(coordinate_image(32, 50), Transform(32).place(0, ("a cat",)))
    assert image[0, [0, -1], 1].tolist() in ([9, 40], [10, 41])


def test_random_crops_reach_every_offset_and_depend_on_the_index_alone():
    transform = Transform(8, crop="random", seed=1)
    places = [transform.place(index, ("a cat",)) for index in range(200)]
    assert {int(transform.image(coordinate_image(8, 11), place)[0, 0, 1]) for place in places} == {0, 1, 2, 3}
    assert places == [Transform(8, crop="random", seed=1).place(index, ("a cat",)) for index in range(200)]
    assert places != [Transform(8, crop="random", seed=2).place(index, ("a cat",)) for index in range(200)]


def test_switching_the_mirror_on_moves_no_crop():
    plain = [Transform(8, crop="random").place(index, ()) for index in range(50)]
    mirrored = [Transform(8, crop="random", mirror=True).place(index, ()) for index in range(50)]
    assert [(each.top, each.left) for each in plain] == [(each.top, each.left) for each in mirrored]
    assert 10 < sum(each.mirrored for each in mirrored) < 40
    assert not any(each.mirrored for each in plain)


@pytest.mark.parametrize(
    "captions",
    [
        ("a cat to the left of a dog",),
        ("a cat", "a dog on the RIGHT"),
        ("a cup above a plate",),
        ("the leftmost ball",),
        ("a left-handed guitarist",),
        ("an arrow turning counterclockwise",),
        ("a Westward wind",),
    ],
)
def test_a_caption_with_a_direction_is_never_mirrored(captions):
    transform = Transform(8, mirror=True)
    assert not any(transform.place(index, captions).mirrored for index in range(50))


@pytest.mark.parametrize("caption", ["a bright cat", "leftovers on a plate", "an upright piano", "a rover"])
def test_words_that_only_contain_a_direction_are_none(caption):
    assert not has_direction(caption)
