"""Seeds of the images that a step draws of a row."""

from __future__ import annotations

from lightning_compose.seeding import generator


def image_seeds(seed: int, step: str, key: str, count: int) -> tuple[int, ...]:
    """Return the seeds of a row's images; each depends on the arguments and its own number alone.

    Args:
        seed: Of the settings.
        step: Such as ``"candidates"``: two steps draw other images of the same text.
        key: Of the row.
        count: How many images.

    >>> image_seeds(0, "candidates", "single-color-000000", 3)[:2] == image_seeds(
    ...     0, "candidates", "single-color-000000", 2
    ... )
    True
    """
    stream = f"prepare/{step}/{key}"
    return tuple(int(generator(seed, stream, number).integers(2**32)) for number in range(count))
