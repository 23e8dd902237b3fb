"""A user's own table of images, CSV or JSON lines: `shards pack` makes shards of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from lightning_compose.cli.errors import closest
from lightning_compose.data.schema import CATEGORIES, STAGES

COLUMNS = ("positive", "caption", "negative", "negative_caption", "nouns", "masks", "stage", "category")
_Record = dict[str, Any]


class TableError(ValueError):
    """A table that cannot be packed.

    Args:
        table: The table's file.
        row: As a spreadsheet counts: the header of a CSV is row 1. None if the whole table is meant.
        column: One of `COLUMNS`, or None.
        message: What was expected, what came and what to do, for a person.
    """

    def __init__(self, table: Path, row: int | None, column: str | None, message: str) -> None:
        self.table, self.row, self.column = table, row, column
        places = [f"row {row}" if row else "", f"column {column}" if column else ""]
        super().__init__(f"{', '.join([str(table), *filter(None, places)])}: {message}")


@dataclass(frozen=True, slots=True)
class TableRow:
    """One pair of a table. Files are as the user wrote them, relative to the table's folder."""

    number: int
    positive: str
    caption: str
    negative: str | None
    negative_caption: str | None
    nouns: tuple[str, ...]
    masks: tuple[str | None, ...]
    stage: str
    category: str


def read_table(path: Path) -> list[TableRow]:
    """Read and check a table; the files that it names are not opened.

    Args:
        path: A ``.csv`` (with a header; lists are separated by ``;`` or written as JSON) or a ``.jsonl``.

    Returns:
        The rows. `masks` is as long as `nouns`, None where a noun has none.

    Raises:
        TableError: Naming row and column.
    """
    readers = {".csv": _csv_records, ".jsonl": _jsonl_records}
    if path.suffix not in readers:
        raise TableError(path, None, None, f"Expected a table that ends in {' or '.join(readers)}. Convert it.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            rows = [_Cells(path, number, record).row() for number, record in readers[path.suffix](path, lines)]
    except UnicodeDecodeError as error:
        raise TableError(path, None, None, f"Expected UTF-8 text, got {error}. Save it as UTF-8.") from error
    except OSError as error:
        raise TableError(path, None, None, f"Expected a table to read, got: {error.strerror}.") from error
    if not rows:
        raise TableError(path, None, None, "Expected at least one row, got none.")
    return rows


def _csv_records(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, _Record]]:
    reader = csv.DictReader(lines, strict=True)
    number = 1
    try:
        for number, record in enumerate(reader, start=2):
            if any(cell.strip() for cell in record.pop(None, ())):
                raise TableError(
                    path,
                    number,
                    None,
                    f"Expected {len(reader.fieldnames or ())} cells, got more. Quote cells with commas.",
                )
            # Spreadsheets write empty rows and columns where something once was.
            filled = {column: cell for column, cell in record.items() if column.strip() or cell}
            if any(cell and cell.strip() for cell in filled.values()):
                yield number, filled
    except csv.Error as error:
        raise TableError(path, number + 1, None, f"Expected CSV, got {error}.") from error


def _jsonl_records(path: Path, lines: Iterable[str]) -> Iterator[tuple[int, _Record]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise TableError(path, number, None, f"Expected a JSON object, got {error}.") from error
        if not isinstance(record, dict):
            raise TableError(path, number, None, f"Expected a JSON object, got {line.strip()[:40]!r}.")
        yield number, record


@dataclass(frozen=True, slots=True)
class _Cells:
    """The cells of one row, by column."""

    table: Path
    number: int
    record: _Record

    def row(self) -> TableRow:
        self._require_columns()
        nouns, masks = self._nouns_and_masks()
        return TableRow(
            self.number,
            positive=self._text("positive") or self._missing("positive"),
            caption=self._text("caption") or self._missing("caption"),
            negative=self._text("negative"),
            negative_caption=self._text("negative_caption"),
            nouns=nouns,
            masks=masks,
            stage=self._choice("stage", STAGES, "composition"),
            category=self._choice("category", CATEGORIES, "other"),
        )

    def _require_columns(self) -> None:
        unknown = [column for column in self.record if column not in COLUMNS]
        if unknown:
            name = str(unknown[0])
            self._fail(name, f"Expected columns of {list(COLUMNS)}. Rename or remove this one.{closest(name, COLUMNS)}")

    def _text(self, column: str) -> str | None:
        value = self.record.get(column)
        if value is not None and not isinstance(value, str):
            self._fail(column, f"Expected text, got {value!r}.")
        return value.strip() or None if value else None

    def _list(self, column: str) -> list[str | None]:
        value = self.record.get(column) or []
        if isinstance(value, str):
            value = self._json(column, value) if value.lstrip().startswith("[") else value.split(";")
        if not isinstance(value, list) or not all(each is None or isinstance(each, str) for each in value):
            self._fail(column, f"Expected a list of texts, got {value!r}.")
        return [each.strip() or None if each else None for each in value]

    def _json(self, column: str, text: str) -> Any:
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            self._fail(column, f"Expected a JSON list or texts separated by semicolons, got {error}.")

    def _nouns_and_masks(self) -> tuple[tuple[str, ...], tuple[str | None, ...]]:
        nouns, masks = self._list("nouns"), self._list("masks")
        if not any(masks):
            masks = [None] * len(nouns)
        if len(masks) != len(nouns):
            # The end of "cup; dog;" is no noun, and needs no mask.
            nouns = [noun for noun in nouns if noun]
            masks = masks[: len(nouns)] + [mask for mask in masks[len(nouns) :] if mask]
        if len(masks) != len(nouns) or any(mask and not noun for noun, mask in zip(nouns, masks, strict=True)):
            expected = f"Expected a mask for each of {len([each for each in nouns if each])} nouns"
            self._fail("masks", f"{expected}, got {len(masks)}. Leave empty those that lack one.")
        kept = [(noun, mask) for noun, mask in zip(nouns, masks, strict=True) if noun]
        return tuple(noun for noun, _ in kept), tuple(mask for _, mask in kept)

    def _choice(self, column: str, known: tuple[str, ...], default: str) -> str:
        value = self._text(column) or default
        if value not in known:
            self._fail(column, f"Expected one of {list(known)}, got {value!r}.")
        return value

    def _missing(self, column: str) -> NoReturn:
        self._fail(column, "Expected a value, got none.")

    def _fail(self, column: str, message: str) -> NoReturn:
        raise TableError(self.table, self.number, column, message)
