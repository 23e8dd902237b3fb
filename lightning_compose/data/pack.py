"""A user's own images into shards: what `shards pack` does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from tqdm import tqdm

from lightning_compose.data.images import decode_image, decode_mask_image
from lightning_compose.data.masks import encode_mask
from lightning_compose.data.schema import IMAGE_FORMATS, Annotation, EncodedImage, Noun, Rle, Sample, SampleError
from lightning_compose.data.shards import ShardWriter
from lightning_compose.data.spans import find_spans
from lightning_compose.data.user_table import TableError, TableRow, read_table

MASK_FORMATS = {"png": "PNG"}


def pack_table(table: Path, root: Path, progress: bool = True) -> int:
    """Write the images of a table as a set of shards; image files go in as they are.

    Args:
        table: See `read_table`; the files in it are relative to its folder.
        root: The new set's folder.
        progress: Show a progress bar, in pairs.

    Returns:
        The number of pairs.

    Raises:
        TableError: Naming row and column; then nothing is written.
    """
    rows = read_table(table)
    with ShardWriter(root) as writer:
        for index, row in enumerate(tqdm(rows, desc="Packing", unit="pair", disable=not progress)):
            writer.write(_RowFiles(table, row).sample(f"{index:09d}"))
    return len(rows)


class _RowFiles:
    """The files that one row of a table names."""

    def __init__(self, table: Path, row: TableRow) -> None:
        self._table, self._row = table, row

    def sample(self, key: str) -> Sample:
        row = self._row
        positive, size = self._image("positive", row.positive)
        negative = None if row.negative is None else self._image("negative", row.negative)[0]
        files = list(dict.fromkeys(file for file in row.masks if file is not None))
        masks = tuple(self._mask(file, size) for file in files)
        nouns = self._nouns(files)
        with self._located("caption"):
            annotation = Annotation(
                row.caption, row.stage, row.category, row.negative_caption, nouns, masks, source=self._source()
            )
        return Sample(key, annotation, positive, negative)

    def _image(self, column: str, file: str) -> tuple[EncodedImage, tuple[int, int]]:
        image = self._read(column, file, IMAGE_FORMATS)
        with self._located(column):
            height, width, _ = decode_image(image).shape
        return image, (height, width)

    def _mask(self, file: str, size: tuple[int, int]) -> Rle:
        image = self._read("masks", file, MASK_FORMATS)
        with self._located("masks"):
            mask = decode_mask_image(image)
            _require_fitting(file, mask, size)
        return encode_mask(mask)

    def _nouns(self, files: list[str]) -> tuple[Noun, ...]:
        with self._located("nouns"):
            spans = find_spans(self._row.caption, self._row.nouns)
        nouns = [
            Noun(text, each, mask=None if file is None else files.index(file))
            for text, each, file in zip(self._row.nouns, spans, self._row.masks, strict=True)
        ]
        return tuple(sorted(nouns, key=lambda noun: noun.spans))

    def _read(self, column: str, file: str, formats: dict[str, str]) -> EncodedImage:
        path = self._table.parent / file
        suffix = path.suffix.lower().removeprefix(".")
        if suffix not in formats:
            raise self._error(column, f"Expected a file that ends in {', '.join(formats)}, got {file!r}. Convert it.")
        try:
            return EncodedImage(suffix, path.read_bytes())
        except OSError as error:
            raise self._error(column, f"Expected a file at {str(path)!r}, got: {error.strerror}.") from error

    def _source(self) -> dict[str, str | int]:
        return {"table": self._table.name, "row": self._row.number}

    @contextmanager
    def _located(self, column: str) -> Iterator[None]:
        try:
            yield
        except SampleError as error:
            raise self._error(column, str(error)) from error

    def _error(self, column: str, message: str) -> TableError:
        return TableError(self._table, self._row.number, column, message)


def _require_fitting(file: str, mask: np.ndarray, size: tuple[int, int]) -> None:
    if mask.shape != size:
        raise SampleError(
            "mask_size",
            f"Expected the mask {file!r} to have the positive's size, {size[0]} x {size[1]} (height x width, upright), "
            f"got {mask.shape[0]} x {mask.shape[1]}. Scale the mask.",
        )
    if not mask.any():
        raise SampleError(
            "empty_mask",
            f"Expected pixels other than black in the mask {file!r}, got none. Leave the mask empty in the table "
            "if the noun has none.",
        )
