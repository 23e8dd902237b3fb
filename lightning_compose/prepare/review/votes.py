"""Votes on the disk: a file an annotator, a line a vote, never rewritten."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from lightning_compose.data.durable import flush_file, flush_folder
from lightning_compose.prepare.rows import from_line, to_line

Answer = Literal["yes", "no", "skip"]
Side = Literal["positive", "negative"]
SUFFIX = ".jsonl"
# Also the name of a file, on any system.
NAME = re.compile(r"[a-z0-9][a-z0-9_.@+-]{0,63}")


@dataclass(frozen=True, slots=True)
class Vote:
    """What an annotator said of a pair.

    Args:
        key: Of the pair.
        pair: Its identity: a vote is about what was seen, not about what is there later.
        annotator: Name, as `annotator_name` returns it.
        answer: ``skip`` = cannot say; ``undo`` takes the last vote on this pair back.
        left: Which image was on the left.
    """

    key: str
    pair: str
    annotator: str
    answer: Literal["yes", "no", "skip", "undo"]
    left: Side


def annotator_name(name: str) -> str:
    """Return a name as votes have it.

    Args:
        name: As a person types it.

    Raises:
        ValueError: When it cannot name a file.
    """
    tidy = name.strip().lower()
    if not NAME.fullmatch(tidy):
        raise ValueError(
            f"Expected a name of at most 64 letters a to z, digits and . _ @ + - that begins with a letter or digit, "
            f"got {name!r}. Take another."
        )
    return tidy


def append(folder: Path, votes: Iterable[Vote]) -> None:
    """Add votes of one annotator; they are on the disk when this returns.

    Args:
        folder: Of the votes; it may be new.
        votes: In their order.
    """
    lines = [(vote.annotator, to_line(vote)) for vote in votes]
    if not lines:
        return
    folder.mkdir(parents=True, exist_ok=True)
    file = _file(folder, lines[0][0])
    is_new = not file.exists()
    with file.open("a+b") as opened:
        _mend(opened)
        opened.write("".join(line for _, line in lines).encode())
        flush_file(opened)
    if is_new:
        flush_folder(folder)


def read(folder: Path, annotator: str) -> list[Vote]:
    """Return an annotator's votes in their order, without one that a kill has cut.

    Raises:
        ValueError: When a line is none.
    """
    file = _file(folder, annotator)
    data = file.read_bytes() if file.is_file() else b""
    lines = _whole(data).decode().split("\n")
    places = ((line, f"'{file}', line {number},") for number, line in enumerate(lines, 1) if line)
    return [from_line(Vote, line, place) for line, place in places]


def annotators(folder: Path) -> list[str]:
    """Return the names of those who voted."""
    return sorted(file.name.removesuffix(SUFFIX) for file in folder.glob(f"*{SUFFIX}"))


def standing(votes: Iterable[Vote], identities: Mapping[str, str]) -> dict[str, Vote]:
    """Return the votes that count, by their pairs' keys, the last one last.

    Args:
        votes: Of one annotator, in their order.
        identities: Of the pairs as they are now, by their keys; a vote on another one does not count.
    """
    found: dict[str, Vote] = {}
    for vote in votes:
        if identities.get(vote.key) == vote.pair:
            found.pop(vote.key, None)
            if vote.answer != "undo":
                found[vote.key] = vote
    return found


def _file(folder: Path, annotator: str) -> Path:
    return folder / f"{annotator_name(annotator)}{SUFFIX}"


def _mend(opened: BinaryIO) -> None:
    """Cut off what a kill or a full disk has left of a vote that nobody was told is kept."""
    opened.seek(0)
    data = opened.read()
    whole = _whole(data)
    if len(whole) < len(data):
        opened.truncate(len(whole))
    # Opened for appending: whatever is written comes last.
    opened.write(whole[len(data) :])


def _whole(data: bytes) -> bytes:
    body, newline, tail = data.rpartition(b"\n")
    if not tail:
        return data
    return data + b"\n" if _is_vote(tail) else body + newline


def _is_vote(line: bytes) -> bool:
    try:
        from_line(Vote, line.decode(), "")
    except ValueError:
        return False
    return True
