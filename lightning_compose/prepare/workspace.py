"""Where the steps write what they make, and reading it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lightning_compose.prepare.rows import AnyRow, PromptRow, Row, from_line
from lightning_compose.prepare.step_record import read_record, record

BLOCKS = "blocks"


class Workspace:
    """A folder with the prompts, a folder a step, and the shards::

        prompts.jsonl
        candidates/settings.json              what the step was begun with
        candidates/blocks/000012.jsonl        rows, in the order of their keys
        candidates/images/000012/0003-07.webp block, row in it, candidate
        shards/

    Args:
        root: The folder; it may be new.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def prompts_file(self) -> Path:
        """Written by the step `prompts`, or by hand."""
        return self.root / "prompts.jsonl"

    @property
    def shards(self) -> Path:
        """Folder of the set that `pack` writes."""
        return self.root / "shards"

    @property
    def features(self) -> Path:
        """Folder of the shards' feature cache."""
        return self.root / "features"

    def folder(self, step: str) -> Path:
        """Return the folder of a step."""
        return self.root / step

    def image(self, path: str) -> Path:
        """Return the file of an image that a row names.

        Raises:
            ValueError: When it is outside of the workspace.
        """
        file = self.root / path
        if not file.resolve().is_relative_to(self.root.resolve()):
            raise ValueError(f"Expected an image in the workspace '{self.root}', got {path!r}. Correct the row.")
        return file

    def begin(self, step: str, settings: Mapping[str, Any], rows: Sequence[Row]) -> Path:
        """Return the folder of a step that is begun, or goes on.

        Args:
            step: Its name.
            settings: All that what it writes depends on, as JSON can hold it.
            rows: That it reads.

        Raises:
            ValueError: When it was begun with other settings, or with other rows.
        """
        folder = self.folder(step)
        folder.mkdir(parents=True, exist_ok=True)
        record(folder, settings, rows)
        return folder

    def prompts(self) -> list[PromptRow]:
        """Return the prompts by their keys.

        Raises:
            FileNotFoundError: When there are none yet.
            ValueError: When a line is no prompt, or a key occurs twice.
        """
        if not self.prompts_file.is_file():
            raise FileNotFoundError(
                f"Expected prompts in '{self.prompts_file}', found no such file. Run the step prompts, or write it."
            )
        return _sorted(_read(PromptRow, self.prompts_file), self.prompts_file)

    def rows(self, step: str, kind: type[AnyRow]) -> list[AnyRow]:
        """Return what a step wrote, by the keys.

        Args:
            step: Its name.
            kind: Class of its rows.

        Raises:
            ValueError: When it is not done yet, or a line is no such row.
        """
        folder = self.folder(step)
        rows = self.finished_rows(step, kind)
        expected = read_record(folder)
        if expected is None or len(rows) != expected.rows:
            done = f"{len(rows)} of {expected.rows} rows" if expected else "nothing"
            raise ValueError(f"Expected the step {step} to be done, got {done} in '{folder}'. Run it first.")
        return rows

    def finished_rows(self, step: str, kind: type[AnyRow]) -> list[AnyRow]:
        """Return what a step has written so far, by the keys; it may not be done, or not be begun.

        Args:
            step: Its name.
            kind: Class of its rows.

        Raises:
            ValueError: When a line is no such row.
        """
        folder = self.folder(step)
        files = sorted((folder / BLOCKS).glob("[0-9]*.jsonl"))
        return _sorted((row for file in files for row in _read(kind, file)), folder)


def _read(kind: type[AnyRow], file: Path) -> Iterable[AnyRow]:
    # Not splitlines: texts may hold the separators of lines that Unicode has beside the newline.
    lines = file.read_text(encoding="utf-8").split("\n")
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield from_line(kind, line, f"'{file}', line {number},")


def _sorted(rows: Iterable[AnyRow], where: Path) -> list[AnyRow]:
    by_key: dict[str, AnyRow] = {}
    for row in rows:
        if row.key in by_key:
            raise ValueError(f"Expected every key once in '{where}', got {row.key!r} again. Rename or remove one.")
        by_key[row.key] = row
    return [by_key[key] for key in sorted(by_key)]
