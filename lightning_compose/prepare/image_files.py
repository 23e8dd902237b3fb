"""Image files of a workspace, as a shard holds them and as models see them."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import EncodedImage


def encoded(file: Path) -> EncodedImage:
    """Return the bytes of an image file."""
    return EncodedImage(file.suffix.removeprefix(".").lower(), file.read_bytes())


def upright(file: Path) -> Image.Image:
    """Return what the reader of shards will see: RGB, turned as the camera was held.

    Raises:
        SampleError: When it is no image.
    """
    return Image.fromarray(decode_image(encoded(file)))
