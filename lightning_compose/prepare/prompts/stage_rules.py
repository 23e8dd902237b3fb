"""What each stage's prompts are like, and how a negative prompt differs from its prompt.

Content and negative rules are those of EvoGen (arXiv 2410.16719, section 3); the lengths are our defaults.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageRule:
    """Args: `content` = what a prompt describes, `negative` = how its negative differs, `max_words` = its length."""

    content: str
    negative: str
    max_words: int


STAGE_RULES: dict[str, StageRule] = {
    "single": StageRule(
        "one object (or several of one kind) with one attribute or number, doing one thing, or in one simple static "
        "scene",
        "Change exactly one thing: the attribute, the number, the action, the relation or the scene. Keep the object "
        "and every other word. The difference must be clear at first sight.",
        16,
    ),
    "composition": StageRule(
        "two objects with a stated interaction, or a stated relation in space, or an attribute or number each",
        "Swap the two objects, or swap their attributes or numbers, whichever makes sense. The negative must describe "
        "another image: where a swap changes nothing that can be seen, change one attribute or the relation instead.",
        24,
    ),
    "complex": StageRule(
        "at least one of: more than two objects; two or more attributes for an object; intricate relations among "
        "objects",
        "Change one attribute of one object, or one relation between two. Keep everything else word by word.",
        48,
    ),
}
