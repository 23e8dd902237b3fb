"""Tiny samples, and sets of them written into the test's own folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from lightning_compose.data.images import encode_image
from lightning_compose.data.masks import encode_mask
from lightning_compose.data.schema import STAGES, Annotation, EncodedImage, Noun, Sample
from lightning_compose.data.shards import ShardWriter


def tiny_image(number: int, height: int = 16, width: int = 24, suffix: str = "webp") -> EncodedImage:
    pixels = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return encode_image(pixels, suffix)


def tiny_sample(number: int, height: int = 16, width: int = 24, negative: bool = True, **changes) -> Sample:
    """A sample of two nouns, the first with a mask; `changes` replace fields of its annotation."""
    left = np.zeros((height, width), dtype=bool)
    left[2:9, 3 : 5 + number % 7] = True
    fields = {
        "caption": f"cup {number:04d} beside a dog",
        "stage": STAGES[number % 3],
        "category": "color",
        "negative_caption": "a dog" if negative else None,
        "nouns": (Noun("cup", ((0, 3),), mask=0), Noun("dog", ((18, 21),))),
        "masks": (encode_mask(left),),
        "source": {"number": number},
    }
    return Sample(
        f"{number:09d}",
        Annotation(**(fields | changes)),
        tiny_image(2 * number, height, width),
        tiny_image(2 * number + 1, height, width) if negative else None,
    )


@pytest.fixture
def make_sample() -> Callable[..., Sample]:
    return tiny_sample


@pytest.fixture
def make_image() -> Callable[..., EncodedImage]:
    return tiny_image


@pytest.fixture
def write_set(tmp_path) -> Callable[..., Path]:
    """Write samples (default: nine, three a stage) to a new folder and return it."""

    def write(samples: Sequence[Sample] | None = None, name: str = "set", samples_per_shard: int = 2) -> Path:
        with ShardWriter(tmp_path / name, samples_per_shard) as writer:
            for sample in samples if samples is not None else [tiny_sample(number) for number in range(9)]:
                writer.write(sample)
        return tmp_path / name

    return write
