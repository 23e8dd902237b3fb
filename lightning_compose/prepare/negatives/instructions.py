"""What to tell an editor, so that the image of one caption becomes the image of another."""

from __future__ import annotations

from difflib import SequenceMatcher

CLOSING = ".,;:!?"


def edit_instruction(caption: str, negative_caption: str) -> str:
    """Return how to change an image of one caption into one of the other.

    Each run of words that differs is named together with the word after it, mostly the noun of an adjective:

    >>> edit_instruction("A red ring and a blue heart.", "A red ring and a green heart.")
    'change blue heart to green heart'

    Args:
        caption: Of the image.
        negative_caption: What the edited image should show.
    """
    changes = _changes(_words(caption), _words(negative_caption))
    if all(before and after for before, after in changes):
        return " and ".join(f"change {before} to {after}" for before, after in changes)
    return f"turn it into {negative_caption}"


def _changes(old: list[str], new: list[str]) -> list[tuple[str, str]]:
    runs = SequenceMatcher(a=old, b=new, autojunk=False).get_opcodes()
    return [
        (" ".join(old[start : end + 1]), " ".join(new[new_start : new_end + 1]))
        for tag, start, end, new_start, new_end in runs
        if tag != "equal"
    ]


def _words(text: str) -> list[str]:
    return [word.rstrip(CLOSING) for word in text.split()]
