"""Whether a prompt says what another one says already, in nearly the same words.

Two prompts are exact duplicates when they are equal but for case, punctuation and spaces. They are near duplicates when
the Jaccard index of the word trigrams of their content words reaches a threshold. Content words are all but articles,
forms of "be", "there", and openings such as "a photo of". Order counts: "a dog chases a cat" is not "a cat chases a
dog". Two boundary words at each end give every word three trigrams, so that one other word among n leaves
(n - 1) / (n + 5): at 0.8 that is a near duplicate from 25 words on, and a template's prompts, one word apart, are not.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

# Letters and digits, with what holds them together inside a word: "five-pointed", "dog's".
WORD = re.compile(r"\w+(?:['\-]\w+)*")
IDLE_WORDS = frozenset({"a", "an", "the", "is", "are", "was", "were", "be", "being", "there"})
OPENING = re.compile(
    r"^(?:(?:an? |the |this )?(?:\w+ )?"
    r"(?:photo|photograph|picture|image|drawing|painting|illustration|render|rendering) "
    r"(?:of|shows|showing|depicts|depicting) )+"
)
BOUNDARY = ""

Trigram = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Match:
    """The known text that a prompt repeats, and how: `similarity` is in [0, 1], 1 = the same content words."""

    text: str
    exact: bool
    similarity: float


class KnownTexts:
    """Texts to compare prompts with.

    Args:
        threshold: Jaccard index of content trigrams from which a text is a near duplicate, in (0, 1].
        texts: Those known from the start.

    Raises:
        ValueError: When the threshold is out of its range.
    """

    def __init__(self, threshold: float, texts: Iterable[str] = ()) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"Expected the threshold of near duplicates to be in (0, 1], got {threshold}.")
        self._threshold = threshold
        self._exact: dict[str, str] = {}
        self._texts: list[tuple[str, frozenset[Trigram]]] = []
        self._places: dict[Trigram, list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Know a text from now on."""
        trigrams = content_trigrams(text)
        self._exact.setdefault(plain(text), text)
        for trigram in self._prefix(trigrams):
            self._places[trigram].append(len(self._texts))
        self._texts.append((text, trigrams))

    def find(self, text: str) -> Match | None:
        """Return the known text that is most like this one, the first of several; None = it is new."""
        same = self._exact.get(plain(text))
        if same is not None:
            return Match(same, exact=True, similarity=1.0)
        trigrams = content_trigrams(text)
        places = sorted({place for each in self._prefix(trigrams) for place in self._places.get(each, ())})
        matches = [
            Match(known, False, jaccard(trigrams, theirs)) for known, theirs in map(self._texts.__getitem__, places)
        ]
        best = max(matches, key=lambda match: match.similarity, default=None)
        return best if best is not None and best.similarity >= self._threshold else None

    def _prefix(self, trigrams: frozenset[Trigram]) -> list[Trigram]:
        # Two sets so alike share one of these, in any order common to all (Bayardo et al., WWW 2007): only texts that
        # do are compared. Those with a boundary come last: "red" begins many prompts.
        kept = len(trigrams) - math.ceil(self._threshold * len(trigrams)) + 1
        return sorted(trigrams, key=lambda trigram: (BOUNDARY in trigram, trigram))[:kept]


def plain(text: str) -> str:
    """Return a text without case, punctuation and spare spaces.

    >>> plain("A red  BALL, and a cube.")
    'a red ball and a cube'
    """
    return " ".join(WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("\u2019", "'")))


def content_words(text: str) -> list[str]:
    """Return the words that say what is shown, in order.

    >>> content_words("A photo of the red ball that is on a table.")
    ['red', 'ball', 'that', 'on', 'table']
    """
    words = OPENING.sub("", plain(text)).split()
    # A text of nothing else is compared as it is: it is no duplicate of every other.
    return [word for word in words if word not in IDLE_WORDS] or words


def content_trigrams(text: str) -> frozenset[Trigram]:
    """Return the runs of three content words, with two boundaries at each end."""
    words = [BOUNDARY, BOUNDARY, *content_words(text), BOUNDARY, BOUNDARY]
    return frozenset(zip(words, words[1:], words[2:], strict=False))


def jaccard(first: frozenset[Trigram], second: frozenset[Trigram]) -> float:
    """Return the share of their union that two sets have in common."""
    return len(first & second) / len(first | second)
