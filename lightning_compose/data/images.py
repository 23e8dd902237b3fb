"""Image files to pixels and back. Only the formats that a shard may hold are ever decoded."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import simplejpeg
from PIL import Image

from lightning_compose.data.schema import IMAGE_FORMATS, EncodedImage, SampleError

MAX_PIXELS = 64_000_000
# Each scan of a progressive JPEG goes over all pixels again, and may be a few bytes long: cameras write ten.
MAX_SCANS = 100
_START_OF_SCAN = b"\xff\xda"
_EXIF_ORIENTATION = 274
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDES_SWAPPED = (5, 6, 7, 8)
_EIGHT_BIT_MODES = ("1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "CMYK", "YCbCr")


def decode_image(image: EncodedImage, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """Decode to upright RGB. Transparent pixels are laid over white.

    Args:
        image: The file's bytes; its suffix names the only format that is tried.
        max_pixels: Larger images are refused by their header, before any pixel is decoded.

    Returns:
        uint8 ``[height, width, 3]``, C-contiguous and writable.

    Raises:
        SampleError: With reason ``bad_image`` or ``image_too_large``.
    """
    with _opened(image, max_pixels) as file:
        orientation = _orientation(file)
        if orientation not in _UPRIGHT and (pixels := _quick_jpeg(file, image.data)) is not None:
            return pixels
        rgb = _to_rgb(file)
        if orientation in _UPRIGHT:
            rgb = rgb.transpose(_UPRIGHT[orientation])
        return np.array(rgb)


def decode_mask_image(image: EncodedImage) -> np.ndarray:
    """Decode a mask that was drawn as an image: whatever is neither black nor transparent is in it.

    Returns:
        bool ``[height, width]``.

    Raises:
        SampleError: With reason ``bad_image`` or ``image_too_large``.
    """
    with _opened(image, MAX_PIXELS) as file:
        colors = np.asarray(file.convert("RGBA"))
        return colors[:, :, :3].any(axis=2) & (colors[:, :, 3] > 0)


def image_size(image: EncodedImage, max_pixels: int = MAX_PIXELS) -> tuple[int, int]:
    """Return ``(height_px, width_px)`` of the upright image, from the header alone.

    Raises:
        SampleError: With reason ``bad_image`` or ``image_too_large``.
    """
    with _opened(image, max_pixels) as file:
        width, height = file.size
        return (width, height) if _orientation(file) in _SIDES_SWAPPED else (height, width)


def encode_image(array: np.ndarray, suffix: str = "webp") -> EncodedImage:
    """Encode without loss; the same bytes for the same pixels.

    Args:
        array: uint8 ``[height, width, 3]``.
        suffix: ``webp`` or ``png``.
    """
    if suffix not in ("webp", "png"):
        raise ValueError(f"Expected the suffix of a lossless format, webp or png, got {suffix!r}.")
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, IMAGE_FORMATS[suffix], lossless=True)
    return EncodedImage(suffix, buffer.getvalue())


@contextmanager
def _opened(image: EncodedImage, max_pixels: int) -> Iterator[Image.Image]:
    image_format = _format_of(image)
    try:
        with Image.open(io.BytesIO(image.data), formats=[image_format]) as file:
            _require_bearable(file, image, max_pixels)
            yield file
    except SampleError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(str(error).rstrip("."), max_pixels) from error
    except Exception as error:  # On broken files Pillow's plugins raise OSError, SyntaxError, struct.error and more.
        raise SampleError(
            "bad_image", f"Expected a whole {image_format} image, got {error!r}. Write the image file again."
        ) from error


def _format_of(image: EncodedImage) -> str:
    if image.suffix not in IMAGE_FORMATS:
        raise SampleError(
            "bad_image", f"Expected an image with a suffix of {list(IMAGE_FORMATS)}, got {image.suffix!r}."
        )
    return IMAGE_FORMATS[image.suffix]


def _require_bearable(file: Image.Image, image: EncodedImage, max_pixels: int) -> None:
    if file.width * file.height > max_pixels:
        raise _too_large(f"{file.width} x {file.height}", max_pixels)
    if _format_of(image) == "JPEG" and (scans := image.data.count(_START_OF_SCAN)) > MAX_SCANS:
        raise SampleError("bad_image", f"Expected at most {MAX_SCANS} scans in a JPEG, got {scans}. Encode it again.")
    if file.mode not in _EIGHT_BIT_MODES:
        raise SampleError("bad_image", f"Expected 8 bits a channel, got mode {file.mode!r}. Convert the image to RGB.")


def _too_large(found: str, max_pixels: int) -> SampleError:
    return SampleError(
        "image_too_large", f"Expected an image of at most {max_pixels:,} pixels, got {found}. Scale it down."
    )


def _quick_jpeg(file: Image.Image, data: bytes) -> np.ndarray | None:
    """Decode by simplejpeg, the same pixels as Pillow's without its copies; None where that is not certain."""
    if file.format != "JPEG" or file.mode not in ("RGB", "L"):
        return None
    try:
        # Its own reading of the header decides how much memory it takes: only Pillow's was checked so far.
        height, width, colors, _ = simplejpeg.decode_jpeg_header(data)
        if (width, height) == file.size and colors in ("YCbCr", "RGB", "Gray"):
            return simplejpeg.decode_jpeg(data)
    except ValueError:  # It knows fewer kinds of JPEG, and forgives nothing: Pillow has the last word.
        pass
    return None


def _orientation(file: Image.Image) -> int:
    # Asked only when the header has it: else a PNG is decoded whole in search of a chunk behind its pixels.
    return file.getexif().get(_EXIF_ORIENTATION, 1) if "exif" in file.info else 1


def _to_rgb(file: Image.Image) -> Image.Image:
    if not file.has_transparency_data:
        return file.convert("RGB")
    colors = file.convert("RGBA")
    white = Image.new("RGBA", colors.size, "white")
    return Image.alpha_composite(white, colors).convert("RGB")
