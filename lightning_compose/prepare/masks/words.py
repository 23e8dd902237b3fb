"""Where a caption has a noun that somebody names in the singular: as whole words, in its number too."""

from __future__ import annotations

from lightning_compose.data.schema import SampleError
from lightning_compose.data.spans import Span, find_spans

IRREGULAR = {
    "child": "children",
    "foot": "feet",
    "goose": "geese",
    "mouse": "mice",
    "ox": "oxen",
    "person": "people",
    "tooth": "teeth",
}
# What no language has is never found, so that a rule may be broader than English.
ENDINGS = (("", "s"), ("", "es"), ("y", "ies"), ("f", "ves"), ("fe", "ves"), ("man", "men"))


def occurrences(caption: str, words: str) -> tuple[Span, ...]:
    """Return where a caption has the words, in any case; "man" is not in "woman".

    >>> occurrences("A woman and a man", "man")
    ((14, 17),)
    """
    try:
        return find_spans(caption, [words])[0]
    except SampleError:
        return ()


def mentions(caption: str, noun: str) -> dict[str, tuple[Span, ...]]:
    """Return where a caption has a noun, by the form that it has there.

    Args:
        caption: The caption.
        noun: In the singular.

    >>> mentions("A dog beside two dogs", "dog")
    {'dog': ((2, 5),), 'dogs': ((17, 21),)}
    """
    found = {form: occurrences(caption, form) for form in forms(noun)}
    return {form: spans for form, spans in found.items() if spans}


def forms(noun: str) -> tuple[str, ...]:
    """Return a noun, and what its plural may be.

    >>> forms("wine glass")
    ('wine glass', 'wine glasss', 'wine glasses')
    """
    before, space, last = noun.strip().casefold().rpartition(" ")
    plurals = [last.removesuffix(old) + new for old, new in ENDINGS if last.endswith(old)]
    return tuple(f"{before}{space}{each}" for each in (last, *plurals, *filter(None, [IRREGULAR.get(last)])))
