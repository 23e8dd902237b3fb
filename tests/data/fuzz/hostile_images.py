"""Hostile image members, with checksums that fit: the index vouches for them."""

import io
import struct
import zlib
from functools import lru_cache

import numpy as np
from PIL import Image

from tests.data.fuzz.damage import Mutation, canary_pickle
from tests.data.fuzz.small_set import SIDE_PX, Target, encoded

# One less in area than the cap of 64 million.
UNDER_CAP = (7990, 8000)
EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(canary) (w) file\nshowpage\n%%EOF\n"
OTHERS = {
    "gif": b"GIF89a" + bytes(40),
    "bmp": b"BM" + bytes(60),
    "tiff": b"II*\0\x08\0\0\0" + bytes(40),
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "psd": b"8BPS\0\1" + bytes(40),
    "zip": b"PK\3\4" + bytes(40),
    "jpeg2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(40),
    "empty": b"",
}


def eps_named_jpg(rng: np.random.Generator, target: Target) -> None:
    _replace_image(rng, target, "jpg", EPS)


def other_file_named_image(rng: np.random.Generator, target: Target) -> None:
    data = list(OTHERS.values())[rng.integers(len(OTHERS))]
    _replace_image(rng, target, ["jpg", "png", "webp"][rng.integers(3)], data)


def pickle_named_image(rng: np.random.Generator, target: Target) -> None:
    _replace_image(rng, target, "png", canary_pickle(target))


def other_format_named_so(rng: np.random.Generator, target: Target) -> None:
    suffix, other = rng.permutation(["jpg", "png", "webp"])[:2]
    _replace_image(rng, target, suffix, encoded(_pixels(rng), other))


def flipped_image_bits(rng: np.random.Generator, target: Target) -> None:
    suffix, data = _some_image(rng, target)
    changed = bytearray(data)
    for place in rng.integers(0, len(data), rng.integers(1, 30)):
        changed[place] ^= 1 << int(rng.integers(8))
    _replace_image(rng, target, suffix, bytes(changed))


def cut_image(rng: np.random.Generator, target: Target) -> None:
    suffix, data = _some_image(rng, target)
    _replace_image(rng, target, suffix, data[: rng.integers(len(data))])


def png_that_declares_much(rng: np.random.Generator, target: Target) -> None:
    sides = [(2**31 - 1, 2**31 - 1), (60_000, 60_000), (2**31 - 1, 1), (13_000, 13_000), (0, 9), (8001, 8000)]
    header = struct.pack(">IIBBBBB", *sides[rng.integers(len(sides))], 8, 2, 0, 0, 0)
    data = _png(_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(bytes(1000))))
    _replace_image(rng, target, "png", data)


def png_bomb(rng: np.random.Generator, target: Target) -> None:
    """Fifty kilobytes that are 400 million black pixels."""
    _replace_image(rng, target, "png", _one_bit_png(20_000, 20_000))


def png_under_the_cap(rng: np.random.Generator, target: Target) -> None:
    _replace_image(rng, target, "png", _one_bit_png(*UNDER_CAP))


def png_text_bomb(rng: np.random.Generator, target: Target) -> None:
    kind = [b"zTXt", b"iTXt", b"iCCP"][rng.integers(3)]
    head = b"a\0\1\0\0\0" if kind == b"iTXt" else b"a\0\0"
    header = struct.pack(">IIBBBBB", 9, 9, 8, 2, 0, 0, 0)
    bomb = _chunk(kind, head + _compressed_zeros(2**28))
    _replace_image(rng, target, "png", _png(_chunk(b"IHDR", header), bomb, _chunk(b"IDAT", zlib.compress(bytes(252)))))


def webp_that_declares_much(rng: np.random.Generator, target: Target) -> None:
    data = bytearray(encoded(_pixels(rng), "webp", exif=Image.Exif()))
    if rng.random() < 0.5:
        width, height = [(2**24 - 1, 255), (2**16 - 1, 2**16 - 1), (13_000, 13_000)][rng.integers(3)]
        canvas = b"\0\0\0\0" + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
        data = bytearray(_riff(b"VP8X" + struct.pack("<I", 10) + canvas + bytes(data[12:])))
    else:
        place = data.index(b"VP8L") + 9
        data[place : place + 4] = struct.pack("<I", 16382 | 16382 << 14)
    _replace_image(rng, target, "webp", bytes(data))


def jpeg_that_declares_much(rng: np.random.Generator, target: Target) -> None:
    data = bytearray(encoded(_pixels(rng), "jpg", progressive=bool(rng.integers(2))))
    place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    sides = [(65_500, 65_500), (30_000, 30_000), (8001, 8000), (0, 9), (7990, 8000)]
    data[place + 5 : place + 9] = struct.pack(">HH", *sides[rng.integers(len(sides))])
    _replace_image(rng, target, "jpg", bytes(data))


def jpeg_of_two_sizes(rng: np.random.Generator, target: Target) -> None:
    """Two headers in one file: one reader may believe the first, another the second."""
    data = bytearray(encoded(_pixels(rng), "jpg"))
    place = data.index(b"\xff\xc0")
    length = 2 + int.from_bytes(data[place + 2 : place + 4])
    second = bytearray(data[place : place + length])
    second[5:9] = struct.pack(">HH", 60_000, 60_000)
    before = bool(rng.integers(2))
    at = place if before else place + length
    _replace_image(rng, target, "jpg", bytes(data[:at] + second + data[at:]))


def jpeg_under_the_cap(rng: np.random.Generator, target: Target) -> None:
    _replace_image(rng, target, "jpg", _grey_jpeg(progressive=bool(rng.integers(2))))


def jpeg_of_many_scans(rng: np.random.Generator, target: Target) -> None:
    data = encoded(_pixels(rng), "jpg", progressive=True)
    place = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
    last = data[data.rindex(b"\xff\xda") : -2]
    large = data[: place + 5] + struct.pack(">HH", *UNDER_CAP) + data[place + 9 : -2]
    _replace_image(rng, target, "jpg", large + last * 5000 + data[-2:])


def forged_exif(rng: np.random.Generator, target: Target) -> None:
    exif = Image.Exif()
    exif[274] = [6, 0, 9, 65_535][rng.integers(4)]
    data = bytearray(encoded(_pixels(rng), "jpg", exif=exif))
    if rng.random() < 0.5:
        start = data.index(b"Exif")
        for place in rng.integers(start + 6, start + 40, 6):
            data[place] = int(rng.integers(256))
    _replace_image(rng, target, "jpg", bytes(data))


def odd_mode(rng: np.random.Generator, target: Target) -> None:
    mode = ["1", "L", "LA", "P", "I;16", "RGBA"][rng.integers(6)]
    buffer = io.BytesIO()
    Image.new(mode, (SIDE_PX, SIDE_PX)).save(buffer, "PNG")
    _replace_image(rng, target, "png", buffer.getvalue())


def extreme_sides(rng: np.random.Generator, target: Target) -> None:
    width, height = [(1, 1), (1, 60_000), (60_000, 1), (2, 16_000)][rng.integers(4)]
    _replace_image(rng, target, "jpg", encoded(np.zeros((height, width, 3), np.uint8), "jpg"))


def _pixels(rng: np.random.Generator) -> np.ndarray:
    return rng.integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


def _some_image(rng: np.random.Generator, target: Target) -> tuple[str, bytes]:
    contents = list(target.samples.values())[rng.integers(len(target.samples))]
    name = next(iter(contents))
    return name.split(".")[1], contents[name]


def _replace_image(rng: np.random.Generator, target: Target, suffix: str, data: bytes) -> None:
    """Put an image in the place of a sample's positive or negative."""
    key = list(target.samples)[rng.integers(len(target.samples))]
    role = ["positive", "negative"][rng.integers(2)]
    kept = {name: each for name, each in target.samples[key].items() if not name.startswith(role)}
    target.samples[key] = {f"{role}.{suffix}": data} | kept
    target.repack()


@lru_cache
def _one_bit_png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return _png(_chunk(b"IHDR", header), _chunk(b"IDAT", _compressed_zeros(height * (1 + -(-width // 8)))))


@lru_cache
def _grey_jpeg(progressive: bool) -> bytes:
    return encoded(np.full((*UNDER_CAP, 3), 128, np.uint8), "jpg", progressive=progressive)


@lru_cache
def _compressed_zeros(length: int) -> bytes:
    return zlib.compress(bytes(length), 1)


def _png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _riff(content: bytes) -> bytes:
    return b"RIFF" + struct.pack("<I", 4 + len(content)) + b"WEBP" + content


HOSTILE_IMAGES: tuple[Mutation, ...] = (
    eps_named_jpg, other_file_named_image, pickle_named_image, other_format_named_so, flipped_image_bits, cut_image,
    png_that_declares_much, png_bomb, png_under_the_cap, png_text_bomb, webp_that_declares_much,
    jpeg_that_declares_much, jpeg_of_two_sizes, jpeg_under_the_cap, jpeg_of_many_scans, forged_exif, odd_mode,
    extreme_sides,
)  # fmt: skip
