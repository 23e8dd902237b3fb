"""Only named formats, only up to the cap, always upright RGB."""

import io
import zlib

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from lightning_compose.data import images
from lightning_compose.data.images import decode_image, encode_image, image_size
from lightning_compose.data.schema import EncodedImage, SampleError

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 14, 3), dtype=np.uint8)


def encoded(image: Image.Image, suffix: str, image_format: str, **options) -> EncodedImage:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return EncodedImage(suffix, buffer.getvalue())


@pytest.mark.parametrize("suffix", ["webp", "png"])
def test_lossless_round_trip_gives_equal_pixels_and_bytes(suffix):
    image = encode_image(PIXELS, suffix)
    decoded = decode_image(image)
    assert np.array_equal(decoded, PIXELS)
    assert decoded.flags.c_contiguous
    assert decoded.flags.writeable
    assert image_size(image) == (9, 14)
    assert encode_image(PIXELS.copy(), suffix) == image


def test_a_lossy_format_is_not_written():
    with pytest.raises(ValueError, match="lossless"):
        encode_image(PIXELS, "jpg")


@pytest.mark.parametrize(("mode", "expected"), [("L", (77, 77, 77)), ("P", (77, 77, 77)), ("1", (255, 255, 255))])
def test_grey_and_palette_become_rgb(mode, expected):
    image = encoded(Image.new("L", (4, 3), 77).convert(mode, dither=Image.Dither.NONE), "png", "PNG")
    if mode == "1":
        expected = (0, 0, 0)
    assert np.array_equal(decode_image(image), np.full((3, 4, 3), expected))


def test_transparent_pixels_are_laid_over_white():
    image = Image.new("RGBA", (2, 1), (10, 20, 30, 0))
    image.putpixel((1, 0), (10, 20, 30, 255))
    assert decode_image(encoded(image, "png", "PNG")).tolist() == [[[255, 255, 255], [10, 20, 30]]]


@pytest.mark.parametrize(("suffix", "image_format"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_applied_to_pixels_and_size(suffix, image_format, orientation):
    image = Image.new("RGB", (16, 32), "black")
    image.paste("white", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[274] = orientation
    file = encoded(image, suffix, image_format, exif=exif)
    decoded = decode_image(file)
    assert image_size(file) == decoded.shape[:2] == ((16, 32) if orientation >= 5 else (32, 16))
    corner = {1: (0, 0), 2: (0, -1), 3: (-1, -1), 4: (-1, 0), 5: (0, 0), 6: (0, -1), 7: (-1, -1), 8: (-1, 0)}
    assert decoded[corner[orientation]].min() > 200
    assert (decoded.min(axis=2) > 128).sum() < 100


def reference(file: EncodedImage) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(file.data)).convert("RGB"))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("size", [(1, 1), (17, 8), (37, 51), (64, 64)])
@pytest.mark.parametrize(
    "options",
    [{}, {"quality": 30, "progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"restart_marker_blocks": 2}],
    ids=lambda options: "-".join(options) or "plain",
)
def test_every_jpeg_has_the_pixels_that_pillow_decodes(mode, size, options):
    file = encoded(Image.fromarray(PIXELS).resize(size).convert(mode), "jpg", "JPEG", **options)
    assert np.array_equal(decode_image(file), reference(file))


def test_jpegs_of_common_kinds_do_not_wait_for_pillow(monkeypatch):
    file = encoded(Image.fromarray(PIXELS), "jpg", "JPEG")
    expected = reference(file)
    monkeypatch.setattr(images, "_to_rgb", None)
    assert np.array_equal(decode_image(file), expected)


def test_a_jpeg_that_only_pillow_forgives_is_decoded():
    file = encoded(Image.fromarray(PIXELS), "jpg", "JPEG")
    file = EncodedImage("jpg", file.data[:-2] + b"extraneous" + file.data[-2:])
    with pytest.raises(ValueError, match="extraneous"):
        simplejpeg.decode_jpeg(file.data)
    assert np.array_equal(decode_image(file), reference(file))


def test_a_jpeg_of_endless_scans_is_refused():
    data = encoded(Image.fromarray(PIXELS), "jpg", "JPEG", progressive=True).data
    last = data.rindex(b"\xff\xda")
    with pytest.raises(SampleError, match="at most 100 scans"):
        decode_image(EncodedImage("jpg", data[:-2] + data[last:-2] * 100 + data[-2:]))


def test_an_image_over_the_cap_is_refused_by_its_header():
    file = encode_image(PIXELS)
    truncated = EncodedImage("webp", file.data[:40])
    with pytest.raises(SampleError, match="at most 125 pixels") as caught:
        decode_image(file, max_pixels=125)
    assert caught.value.reason == "image_too_large"
    with pytest.raises(SampleError):
        decode_image(truncated)


def test_what_pillow_says_of_a_bomb_ends_in_one_full_stop():
    image = encode_image(PIXELS, "png").data
    header = image[12:16] + (30_000).to_bytes(4, "big") * 2 + image[24:29]
    bomb = image[:12] + header + zlib.crc32(header).to_bytes(4, "big") + image[33:]
    with pytest.raises(SampleError, match=r"attack\. Scale it down\."):
        image_size(EncodedImage("png", bomb))


def test_a_bomb_that_pillow_refuses_itself_is_too_large_as_well():
    header = encode_image(PIXELS, "png").data
    bomb = header[:16] + (30_000).to_bytes(4, "big") * 2 + header[24:]
    with pytest.raises(SampleError) as caught:
        image_size(EncodedImage("png", bomb))
    assert caught.value.reason in ("image_too_large", "bad_image")


@pytest.mark.parametrize(
    "image",
    [
        encoded(Image.fromarray(PIXELS), "jpg", "PNG"),
        encoded(Image.fromarray(PIXELS), "png", "GIF"),
        EncodedImage("png", b""),
        EncodedImage("gif", b"GIF89a"),
        EncodedImage("png", encode_image(PIXELS, "png").data[:-40]),
        EncodedImage("webp", encode_image(PIXELS, "webp").data[:-40]),
        encoded(Image.new("I;16", (3, 3)), "png", "PNG"),
    ],
    ids=["png_named_jpg", "gif_named_png", "empty", "unknown_suffix", "cut_png", "cut_webp", "sixteen_bits"],
)
def test_what_is_no_whole_image_of_its_format_is_refused(image):
    with pytest.raises(SampleError) as caught:
        decode_image(image)
    assert caught.value.reason == "bad_image"
