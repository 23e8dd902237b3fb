"""What a shard may hold: the names of members, and the checks that writing and indexing share."""

from __future__ import annotations

from lightning_compose.data.masks import decode_mask
from lightning_compose.data.schema import ANNOTATION, IMAGE_FORMATS, NEGATIVE, POSITIVE, Annotation, SampleError

SLOTS = (POSITIVE, NEGATIVE, ANNOTATION)
SUFFIXES = (*(f"{role}.{image}" for role in (POSITIVE, NEGATIVE) for image in IMAGE_FORMATS), ANNOTATION)
MAX_KEY_BYTES = 64
MAX_MEMBER_BYTES = 256 * 2**20


def split_name(name: str) -> tuple[str, str]:
    """Split a member's name into key and suffix.

    Raises:
        SampleError: When the suffix is none of `SUFFIXES` or the key is refused by `check_key`.
    """
    for suffix in SUFFIXES:
        if name.endswith(f".{suffix}"):
            key = name.removesuffix(f".{suffix}")
            check_key(key)
            return key, suffix
    raise SampleError(
        "unknown_suffix",
        f"Expected a name like KEY.positive.webp, with a suffix of {list(SUFFIXES)}, got {name!r}. "
        "Rename the member or leave it out.",
    )


def check_key(key: str) -> None:
    """Refuse keys that tools would split differently or that are no plain file name.

    Raises:
        SampleError: With reason ``empty_key``, ``dot_in_key``, ``slash_in_key`` or ``bad_key``.
    """
    if key.isalnum() and key.isascii() and len(key) <= MAX_KEY_BYTES:  # Nearly all, and quickly.
        return
    for wrong, reason, found in (
        (not key, "empty_key", "an empty one"),
        ("." in key, "dot_in_key", repr(key)),
        ("/" in key or "\\" in key, "slash_in_key", repr(key)),
        (not key.isprintable() or len(key.encode()) > MAX_KEY_BYTES, "bad_key", repr(key[:MAX_KEY_BYTES])),
    ):
        if wrong:
            raise SampleError(
                reason,
                f"Expected a key of 1 to {MAX_KEY_BYTES} printable bytes without dots and slashes, got {found}. "
                "Rename the sample.",
            )


def check_masks(annotation: Annotation, size: tuple[int, int]) -> None:
    """Check that all masks can be decoded and have the positive's size, ``(height_px, width_px)``.

    Raises:
        SampleError: With reason ``bad_mask`` or ``mask_size``.
    """
    for index, mask in enumerate(annotation.masks):
        if mask.size != size:
            raise SampleError(
                "mask_size",
                f"Expected mask {index} to have the positive's size, {size[0]} x {size[1]} (height x width), "
                f"got {mask.size[0]} x {mask.size[1]}. Masks are stored at the size of the upright image.",
            )
        decode_mask(mask)
