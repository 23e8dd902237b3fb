"""Rows in blocks: what is made, written and, after a kill, made again as a whole."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from PIL.Image import Image

from lightning_compose.data.durable import flush_folder, replaced
from lightning_compose.data.schema import EncodedImage
from lightning_compose.prepare.rows import Row, to_line
from lightning_compose.prepare.workspace import BLOCKS

IMAGES = "images"
Taken = TypeVar("Taken", bound=Row, contravariant=True)


@dataclass(frozen=True, slots=True)
class Block:
    """Rows that are worked on together, and their number among the blocks."""

    number: int
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        """Of its file and its folder of images."""
        return f"{self.number:06d}"

    def file(self, step_folder: Path) -> Path:
        """Return where its rows lie once it is done."""
        return step_folder / BLOCKS / f"{self.name}.jsonl"


class BlockImages:
    """Where a worker leaves the images of its block; their names hold numbers, never a key."""

    def __init__(self, step_folder: Path, block: Block) -> None:
        self._step_folder = step_folder
        self._folder = step_folder / IMAGES / block.name

    def save(self, row: int, candidate: int, image: Image) -> str:
        """Write an image without loss; return its path in the workspace.

        Args:
            row: Number of the row in the block.
            candidate: Number of the image in the row.
            image: Any that has RGB.
        """
        encoded = io.BytesIO()
        image.convert("RGB").save(encoded, "WEBP", lossless=True)
        return self.keep(row, candidate, EncodedImage("webp", encoded.getvalue()))

    def keep(self, row: int, candidate: int, image: EncodedImage) -> str:
        """Write an image as it is; return its path in the workspace.

        Args:
            row: Number of the row in the block.
            candidate: Number of the image in the row.
            image: Its suffix is known to be one of `IMAGE_FORMATS`.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        file = self._folder / f"{row:04d}-{candidate:02d}.{image.suffix}"
        with replaced(file) as opened:
            opened.write(image.data)
        return file.relative_to(self._step_folder.parent).as_posix()

    def remove_unfinished(self) -> None:
        """Remove what a killed worker had not written to its end; whole images are written again."""
        for file in self._folder.glob(".*"):
            file.unlink(missing_ok=True)

    def flush(self) -> None:
        """Make the images' names survive a power cut, before a row names them."""
        if self._folder.is_dir():
            flush_folder(self._folder)


class Worker(Protocol[Taken]):
    """Makes rows of rows; built once in its process from arguments that can be pickled."""

    def block(self, rows: Sequence[Taken], images: BlockImages) -> Sequence[Row]:
        """Return a row a row, with its key.

        Args:
            rows: Of the block.
            images: Takes what is drawn.
        """


def cut(rows: Sequence[Row], block_rows: int) -> list[Block]:
    """Cut rows into blocks, in the order of their keys.

    Args:
        rows: In any order.
        block_rows: Rows a block; the last may have fewer.
    """
    ordered = sorted(rows, key=lambda row: row.key)
    starts = range(0, len(ordered), block_rows)
    return [Block(number, tuple(ordered[start : start + block_rows])) for number, start in enumerate(starts)]


def make(block: Block, worker: Worker[Any], step_folder: Path) -> None:
    """Have a block made, and write its images and, after them, its rows.

    Raises:
        ValueError: When the worker does not return a row a row.
    """
    images = BlockImages(step_folder, block)
    images.remove_unfinished()
    made = worker.block(block.rows, images)
    if [row.key for row in made] != [row.key for row in block.rows]:
        raise ValueError(
            f"Expected {type(worker).__name__}.block to return a row a row, with its key and in its order, got "
            f"{len(made)} for {len(block.rows)} rows. Return those that failed too, with their reasons."
        )
    images.flush()
    block.file(step_folder).parent.mkdir(exist_ok=True)
    with replaced(block.file(step_folder)) as file:
        file.writelines(to_line(row).encode() for row in made)
