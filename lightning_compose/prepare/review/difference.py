"""Words of a text that another one has not, as HTML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from html import escape

_WORDS = re.compile(r"\w+|\s+|[^\w\s]+")


def with_marks(text: str, other: str) -> str:
    """Return a text as HTML, in which `mark` surrounds what the other one has not, in any case of letters.

    Args:
        text: Plain.
        other: Plain.
    """
    words, others = _WORDS.findall(text), _WORDS.findall(other)
    return "".join(
        f"<mark>{escape(part)}</mark>" if differs else escape(part) for part, differs in _parts(words, others)
    )


def _parts(words: list[str], others: list[str]) -> Iterator[tuple[str, bool]]:
    folded = [each.casefold() for each in words], [each.casefold() for each in others]
    matcher = difflib.SequenceMatcher(None, *folded, autojunk=False)
    for kind, start, end, _, _ in matcher.get_opcodes():
        if start < end:
            yield "".join(words[start:end]), kind != "equal"
