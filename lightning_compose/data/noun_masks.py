"""The masks of a caption's nouns as the model gets them, and why some nouns have none."""

from __future__ import annotations

import warnings
from collections import Counter

from lightning_compose.data.masks import decode_mask
from lightning_compose.data.schema import Annotation, Noun, Rle, SampleError
from lightning_compose.data.transforms import Mask, Placement, Transform

NO_MASK, EMPTY_MASK, VANISHED, TOO_MANY = "no_mask", "empty_mask", "vanished_in_crop", "more_than_max_nouns"


def noun_masks(
    annotation: Annotation, size: tuple[int, ...], transform: Transform, placement: Placement, max_nouns: int
) -> tuple[dict[int, Mask], Counter[str]]:
    """Decode and transform the masks that a sample's nouns need.

    Args:
        annotation: Holds the nouns and the masks.
        size: The positive's, ``(height_px, width_px)``.
        transform: Cuts and resizes.
        placement: Where it cuts.
        max_nouns: Nouns beyond are unsupervised.

    Returns:
        Masks by the noun's place, bool ``[size_px, size_px]``, of the supervised nouns only; how many of the others
        there are by reason.

    Raises:
        SampleError: With reason ``mask_size`` or ``bad_mask``.
    """
    nouns = _kept(annotation.nouns, max_nouns)
    needed = {noun.mask for noun in nouns if noun.mask is not None}
    cut: dict[int, Mask] = {}
    empty: dict[int, bool] = {}
    for number in needed:  # One whole mask at a time: each may have 64 million pixels.
        whole = _decoded(number, annotation.masks[number], size)
        cut[number], empty[number] = transform.mask(whole, placement), not whole.any()
    masks: dict[int, Mask] = {}
    unsupervised = Counter({TOO_MANY: len(annotation.nouns) - len(nouns)})
    for place, noun in enumerate(nouns):
        if noun.mask is None:
            unsupervised[NO_MASK] += 1
        elif cut[noun.mask].any():
            masks[place] = cut[noun.mask]
        else:
            unsupervised[EMPTY_MASK if empty[noun.mask] else VANISHED] += 1
    return masks, +unsupervised


def _kept(nouns: tuple[Noun, ...], max_nouns: int) -> tuple[Noun, ...]:
    if len(nouns) > max_nouns:
        # The same text every time, so that a process warns once.
        warnings.warn(
            f"A caption has more than `max_nouns` = {max_nouns} nouns: the last ones are unsupervised, and counted as "
            f"{TOO_MANY!r}. Raise `max_nouns` to keep them.",
            stacklevel=1,
        )
    return nouns[:max_nouns]


def _decoded(number: int, mask: Rle, size: tuple[int, ...]) -> Mask:
    # A set is checked when it is indexed, but by whoever made its index.
    if mask.size != size:
        raise SampleError(
            "mask_size",
            f"Expected mask {number} to have its image's size, {size[0]} x {size[1]} (height x width), got "
            f"{mask.size[0]} x {mask.size[1]}. Make the index again.",
        )
    return decode_mask(mask)
