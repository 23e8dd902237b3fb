"""What each step writes of a prompt: a row, one JSON line.

A row that failed is still a row, with its reason, a short slug to count by: nothing vanishes.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, TypeVar

from lightning_compose.data.schema import Phrase, Question, Rle
from lightning_compose.prepare.decoding import DecodingError, decode


class Row(Protocol):
    """What can go through a step."""

    @property
    def key(self) -> str:
        """Its prompt's key; never part of a path."""


AnyRow = TypeVar("AnyRow", bound=Row)


@dataclass(frozen=True, slots=True)
class PromptRow:
    """A prompt, as `prompts` writes it.

    Args:
        key: Such as ``single-color-000003``.
        prompt: Describes the positive image.
        negative_prompt: Describes the negative one.
        category: One of `lightning_compose.data.schema.CATEGORIES`.
        stage: One of `lightning_compose.data.schema.STAGES`.
        model: Name of the writer.
        seed: Of the order that it was written for.
        questions: About the prompt, where the writer knows them; () = somebody asks them later.
        source: What else is known of it.
    """

    key: str
    prompt: str
    negative_prompt: str
    category: str
    stage: str
    model: str
    seed: int
    questions: tuple[Question, ...] = ()
    source: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CandidatesRow:
    """The images of a prompt, as `candidates` writes them.

    Args:
        key: Of the prompt.
        images: Paths in the workspace.
        seeds: One an image.
        model: Name of the painter.
    """

    key: str
    images: tuple[str, ...]
    seeds: tuple[int, ...]
    model: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A candidate and what the judge saw in it.

    Args:
        image: Path in the workspace.
        seed: Of the image.
        answers: One a question.
        alignment: Share of right answers, in [0, 1]; an answer below a wrong parent counts as wrong.
        success: Whether that is enough for its category.
        score: Of image and caption, the higher the better.
    """

    image: str
    seed: int
    answers: tuple[str, ...]
    alignment: float
    success: bool
    score: float


@dataclass(frozen=True, slots=True)
class VerifiedRow:
    """A prompt whose candidates were judged, as `verify` writes it.

    Args:
        key: Of the prompt.
        caption: What the chosen candidate is said to show: the prompt, or its correction.
        questions: About the caption.
        candidates: In the order of their numbers.
        chosen: Index of the positive; None = none succeeded.
        rewritten: Whether the caption is a correction of the prompt.
        reason: Why none is chosen; None = one is.
        models: Names by role.
    """

    key: str
    caption: str
    questions: tuple[Question, ...]
    candidates: tuple[Judged, ...]
    chosen: int | None
    rewritten: bool
    reason: str | None
    models: dict[str, str]


@dataclass(frozen=True, slots=True)
class NegativeJudged:
    """A candidate for the negative image.

    Args:
        image: Path in the workspace.
        seed: Of the image.
        answers: One a question about the positive caption.
        violates: Whether at least one of them is wrong.
        similarity: To the positive, in [-1, 1].
        own_answers: One a question about the negative caption.
        shows_own: Whether all of those are right; None = nobody asked.
    """

    image: str
    seed: int
    answers: tuple[str, ...]
    violates: bool
    similarity: float
    own_answers: tuple[str, ...] = ()
    shows_own: bool | None = None


@dataclass(frozen=True, slots=True)
class NegativesRow:
    """The negative of a positive, as `negatives` writes it.

    Args:
        key: Of the prompt.
        caption: The negative one.
        candidates: In the order of their numbers.
        chosen: Index of the negative; None = none violates the positive caption.
        method: How the candidates were made.
        reason: Why none is chosen; None = one is.
        models: Names by role.
        own_questions: About the negative caption; () = nobody knows any.
    """

    key: str
    caption: str
    candidates: tuple[NegativeJudged, ...]
    chosen: int | None
    method: Literal["generated", "edited"]
    reason: str | None
    models: dict[str, str]
    own_questions: tuple[Question, ...] = ()


@dataclass(frozen=True, slots=True)
class MaskedNoun:
    """A noun of the caption and where the positive shows it.

    Args:
        text: As the caption has it, in any case.
        spans: Character ranges ``[start, end)`` of the caption.
        attributes: What the caption says of it.
        mask: At the positive's size, of all its boxes together; None = it was not found.
        boxes: Left, top, right and bottom in pixels; () = it was not found.
        scores: One a box, the higher the surer.
    """

    text: str
    spans: tuple[tuple[int, int], ...]
    attributes: tuple[Phrase, ...]
    mask: Rle | None
    boxes: tuple[tuple[float, float, float, float], ...]
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class MasksRow:
    """The nouns of a positive, as `masks` writes them.

    Args:
        key: Of the prompt.
        nouns: In the order of the caption.
        reason: Why no noun has a mask; None = one has.
        models: Names by role.
    """

    key: str
    nouns: tuple[MaskedNoun, ...]
    reason: str | None
    models: dict[str, str]


def to_line(row: Row) -> str:
    """Encode as one line of JSON, the same for an equal row."""
    fields = dataclasses.asdict(row)  # type: ignore[call-overload]
    return json.dumps(fields, ensure_ascii=False, sort_keys=True, allow_nan=False) + "\n"


def from_line(kind: type[AnyRow], line: str, place: str) -> AnyRow:
    """Decode one line.

    Args:
        kind: Class of the row.
        line: As `to_line` writes it.
        place: File and line, for the message.

    Raises:
        ValueError: When the line is no such row.
    """
    try:
        return decode(kind, line)
    except DecodingError as error:
        raise ValueError(
            f"Expected {place} to be a {kind.__name__}, got a line that is none, {error} Correct it, or remove the "
            "file to have it written again."
        ) from error
