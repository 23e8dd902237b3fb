"""What a sample is: every key of it, in one place, for whoever writes, reads or checks one.

A set is a folder of WebDataset tars. One sample is a run of members that share a key::

    000000042.positive.webp     the image that matches the caption
    000000042.negative.webp     the image that differs as little as possible and does not (optional)
    000000042.json              one `Annotation`

This module imports neither torch nor a tar library.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field, replace
from typing import Any

FORMAT_VERSION = 1
MAX_ANNOTATION_BYTES = 4 * 2**20
# In characters; far more than any text encoder takes. Every span of it is compared with its noun.
MAX_CAPTION_LENGTH = 10_000
STAGES = ("single", "composition", "complex")
CATEGORIES = ("color", "shape", "texture", "counting", "spatial", "non-spatial", "scene", "complex", "other")
POSITIVE, NEGATIVE, ANNOTATION = "positive", "negative", "json"
IMAGE_FORMATS = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP"}


class SampleError(ValueError):
    """A sample that breaks the schema.

    Args:
        reason: A short slug to count by, such as ``"span_outside_caption"``.
        message: What was expected, what came and what to do, for a person.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross from DataLoader workers by pickle, which calls __init__ with args alone.
        return type(self), (self.reason, str(self))


@dataclass(frozen=True, slots=True)
class Phrase:
    """A piece of the caption. `spans` are character ranges ``[start, end)``; each of them reads `text`."""

    text: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Noun(Phrase):
    """A noun, the attributes that describe it, and the index of its mask (None = unsupervised)."""

    attributes: tuple[Phrase, ...] = ()
    mask: int | None = None

    def with_attributes(self) -> Noun:
        """Return the noun with the spans of its attributes among its own."""
        return replace(self, spans=self.spans + tuple(span for each in self.attributes for span in each.spans))


@dataclass(frozen=True, slots=True)
class Question:
    """A question about the positive image; it makes sense only if those in `depends_on` are answered rightly."""

    id: int
    question: str
    answer: str
    kind: str
    arguments: tuple[str, ...] = ()
    depends_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rle:
    """A binary mask as COCO's compressed run-length encoding. `size` is ``(height_px, width_px)``."""

    size: tuple[int, int]
    counts: str


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image file's bytes and its suffix, one of `IMAGE_FORMATS`."""

    suffix: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is known of a pair: the content of its ``json`` member.

    Args:
        caption: Matches the positive image.
        negative_caption: Describes the negative image; None if there is none.
        category: One of `CATEGORIES`.
        stage: One of `STAGES`.
        nouns: In the order of the caption. Several may share a mask.
        masks: Of the positive image, at its size.
        scores: By the name of the model that gave them.
        source: Where the pair comes from; the embedded world keeps its scenes here.

    Raises:
        SampleError: When a part contradicts another, such as a span that is not in the caption.
    """

    caption: str
    stage: str
    category: str = "other"
    negative_caption: str | None = None
    nouns: tuple[Noun, ...] = ()
    masks: tuple[Rle, ...] = ()
    questions: tuple[Question, ...] = ()
    scores: dict[str, float] = field(default_factory=dict)
    source: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _require_member("stage", self.stage, STAGES)
        _require_member("category", self.category, CATEGORIES)
        _require_text("caption", self.caption)
        if self.negative_caption is not None:
            _require_text("negative_caption", self.negative_caption)
        for noun in self.nouns:
            for phrase in (noun, *noun.attributes):
                _require_spans(phrase, self.caption)
            if noun.mask is not None and not 0 <= noun.mask < len(self.masks):
                raise SampleError(
                    "unknown_mask",
                    f"Expected the mask of noun {noun.text!r} to be one of {len(self.masks)} masks, got index "
                    f"{noun.mask}. Write the mask, or null for a noun without one.",
                )

    def to_json(self) -> bytes:
        """Encode as compact UTF-8 JSON, the same bytes for an equal annotation."""
        fields = dataclasses.asdict(self)
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()

    @classmethod
    def from_json(cls, data: bytes) -> Annotation:
        """Decode and check. Keys that the schema does not know are ignored, so that users may add theirs.

        Raises:
            SampleError: When the bytes are no UTF-8 JSON object of this schema.
        """
        # As Python objects JSON takes up to thirty times its bytes.
        if len(data) > MAX_ANNOTATION_BYTES:
            raise SampleError(
                "annotation_too_large",
                f"Expected an annotation of at most {MAX_ANNOTATION_BYTES:,} bytes, got {len(data):,}. "
                "Keep large data in files of their own.",
            )
        try:
            return _annotation(json.loads(data.decode()))
        except SampleError:
            raise
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise SampleError(
                "bad_annotation", f"Expected a JSON object with caption, stage and nouns, got {error!r}."
            ) from error


@dataclass(frozen=True, slots=True)
class Sample:
    """One pair as it lies in a shard, images still encoded. `key` holds no dot and no slash."""

    key: str
    annotation: Annotation
    positive: EncodedImage
    negative: EncodedImage | None = None


def _require_member(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise SampleError(f"unknown_{name}", f"Expected {name} to be one of {list(known)}, got {value!r}.")


def _require_text(name: str, text: str) -> None:
    if not text.strip():
        raise SampleError(f"empty_{name}", f"Expected {name} to describe its image, got {text!r}. Write one.")
    if len(text) > MAX_CAPTION_LENGTH:
        raise SampleError(
            f"bad_{name}", f"Expected {name} to have at most {MAX_CAPTION_LENGTH:,} characters, got {len(text):,}."
        )
    try:
        text.encode()
    except UnicodeEncodeError as error:  # JSON can spell half of a surrogate pair, which no tokenizer can take.
        raise SampleError(f"bad_{name}", f"Expected {name} to be Unicode text, got {text!r}.") from error


def _require_spans(phrase: Phrase, caption: str) -> None:
    if not phrase.spans:
        raise SampleError("span_outside_caption", f"Expected {phrase.text!r} to have a span in its caption, got none.")
    text = phrase.text.casefold()
    for start, end in phrase.spans:
        found = caption[start:end] if 0 <= start < end <= len(caption) else ""
        if not found or (found != phrase.text and found.casefold() != text):
            raise SampleError(
                "span_outside_caption",
                f"Expected characters [{start}, {end}) of the caption {caption!r} to read {phrase.text!r}, "
                f"got {found!r}. Give character offsets into the caption, the end excluded.",
            )


def _annotation(fields: dict[str, Any]) -> Annotation:
    return Annotation(
        caption=fields["caption"],
        stage=fields["stage"],
        category=fields.get("category", "other"),
        negative_caption=fields.get("negative_caption"),
        nouns=tuple(_noun(noun) for noun in fields.get("nouns", ())),
        masks=tuple(_rle(mask) for mask in fields.get("masks", ())),
        questions=tuple(_question(question) for question in fields.get("questions", ())),
        scores=dict(fields.get("scores", {})),
        source=dict(fields.get("source", {})),
    )


def _noun(fields: dict[str, Any]) -> Noun:
    attributes = tuple(Phrase(each["text"], _spans(each["spans"])) for each in fields.get("attributes", ()))
    mask = fields.get("mask")
    return Noun(fields["text"], _spans(fields["spans"]), attributes, None if mask is None else _integer(mask))


def _rle(fields: dict[str, Any]) -> Rle:
    if not isinstance(fields["counts"], str):
        raise TypeError(f"counts of a mask must be a string, not {type(fields['counts']).__name__}")
    return Rle(_pair(fields["size"]), fields["counts"])


def _question(fields: dict[str, Any]) -> Question:
    # Positions, not names: a sample has several, and they took half the time of parsing it.
    return Question(
        fields["id"],
        fields["question"],
        fields["answer"],
        fields["kind"],
        tuple(fields.get("arguments", ())),
        tuple(fields.get("depends_on", ())),
    )


def _spans(value: list[list[int]]) -> tuple[tuple[int, int], ...]:
    return tuple(_pair(span) for span in value)


def _pair(value: list[int]) -> tuple[int, int]:
    first, second = value
    return _integer(first), _integer(second)


def _integer(value: object) -> int:
    if type(value) is not int:
        raise TypeError(f"{value!r} must be an integer")
    return value
