"""Captions of images in a file as COCO has them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lightning_compose.seeding import generator

STREAM = "prepare/images"


@dataclass(frozen=True, slots=True)
class CaptionedImage:
    """An image file and what people said of it.

    Args:
        key: Its id in the file of captions.
        file: Its path in the folder of images.
        captions: Each once, in their order; there may be none.
    """

    key: str
    file: str
    captions: tuple[str, ...]


def read_captions(file: Path) -> list[CaptionedImage]:
    """Return the images of a file of captions, by their keys.

    Raises:
        FileNotFoundError: When it is missing.
        ValueError: When it is no such file, names no image, one twice, or one outside of the folder of images.
    """
    if not file.is_file():
        raise FileNotFoundError(f"Expected a file of captions, found no file '{file}'. Check the path.")
    try:
        captioned = _captioned(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"Expected '{file}' to hold COCO's captions, `images` with id and file_name and `annotations` with "
            f"image_id and caption, got {error!r}. Name such a file, as captions_train2017.json."
        ) from error
    if not captioned:
        raise ValueError(f"Expected at least one image in '{file}', got none. Name a file that has some.")
    _require_once([each.key for each in captioned], file)
    _require_once([each.file for each in captioned], file)
    _require_inside([each.file for each in captioned], file)
    return sorted(captioned, key=lambda each: each.key)


def draw(captioned: Sequence[CaptionedImage], count: int | None, seed: int) -> list[CaptionedImage]:
    """Draw some of the images, in their order.

    Args:
        captioned: All there are.
        count: How many; None = all.
        seed: Of the draw.

    Raises:
        ValueError: When there are fewer.
    """
    if count is None:
        return list(captioned)
    if count > len(captioned):
        raise ValueError(
            f"Expected `count` to be at most the {len(captioned)} images there are, got {count}. Lower it."
        )
    drawn = generator(seed, STREAM, 0).permutation(len(captioned))[:count]
    return [captioned[index] for index in sorted(drawn.tolist())]


def _captioned(content: Mapping[str, Any]) -> list[CaptionedImage]:
    captions: dict[Any, dict[str, None]] = {image["id"]: {} for image in content["images"]}
    for each in content["annotations"]:
        # Who cuts the list of images down may leave the captions as they are.
        if each["image_id"] in captions and (caption := " ".join(each["caption"].split())):
            captions[each["image_id"]][caption] = None
    # COCO's ids are numbers, of twelve digits where they name files.
    return [
        CaptionedImage(f"{image['id']:0>12}", image["file_name"], tuple(captions[image["id"]]))
        for image in content["images"]
    ]


def _require_once(names: Sequence[str], file: Path) -> None:
    twice = [name for name, times in Counter(names).items() if times > 1]
    if twice:
        raise ValueError(f"Expected every id and file_name once in '{file}', got {twice[0]!r} again. Remove one.")


def _require_inside(names: Sequence[str], file: Path) -> None:
    outside = [name for name in names if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts]
    if outside:
        raise ValueError(
            f"Expected every file_name in '{file}' to be one in the folder of images, got {outside[0]!r}. Correct it."
        )
