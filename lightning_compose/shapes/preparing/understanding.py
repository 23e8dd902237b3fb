"""From a caption of the embedded world back to what it states and how it is worded."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import product

from lightning_compose.shapes.captions import TEXTURE_NOUNS, Style, phrase
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.palette import BACKGROUNDS, COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.phrases import NUMBERS, plural
from lightning_compose.shapes.relations import RELATIONS

# No list of templates is longer, and none of synonyms: a fraction of each size picks every entry.
MOST_FORMS, MOST_SYNONYMS = 24, 4
Token = tuple[str, str]
WORDS: dict[str, Token] = {
    **{word: ("relation", name) for name, words in RELATIONS.items() for word in (*words.modifiers, *words.predicates)},
    **{kind: ("background", kind) for kind in BACKGROUNDS},
    **{form: ("noun", shape) for shape in SHAPES for form in (shape, plural(shape))},
    **{color: ("color", color) for color in COLORS},
    **{texture: ("texture", texture) for texture in TEXTURES},
    **{noun: ("pattern", texture) for texture, noun in TEXTURE_NOUNS.items()},
    **{number: ("number", str(value)) for value, number in enumerate(NUMBERS) if value},
    **{article: ("start", article) for article in ("a", "an", "the")},
}
TOKEN = re.compile(r"(?<![\w-])(" + "|".join(sorted(map(re.escape, WORDS), key=len, reverse=True)) + r")(?![\w-])")


def understand(caption: str) -> tuple[Description, Style] | None:
    """Return what a caption of the world states and its wording; None where it is none of the world's.

    Whatever is returned, `captions.phrase` makes the caption of it again. Objects are numbered in the order of nouns.
    """
    parse = _Parse()
    for match in TOKEN.finditer(caption.lower()):
        parse.take(*WORDS[match[1]])
    description = parse.finish()
    style = _find_style(description, caption) if description is not None else None
    return (description, style) if description is not None and style is not None else None


def numbered(groups: list[Group]) -> tuple[Group, ...]:
    """Return groups whose objects are numbered from 0 on, their counts as they are."""
    ends = [sum(len(each.objects) for each in groups[: index + 1]) for index in range(len(groups))]
    return tuple(
        replace(each, objects=tuple(range(end - len(each.objects), end)))
        for each, end in zip(groups, ends, strict=True)
    )


@dataclass
class _Parse:
    """Groups and relations of a caption, a token at a time. `stated` waits for its noun, or follows it."""

    groups: list[Group] = field(default_factory=list)
    relations: list[Relation] = field(default_factory=list)
    background: str | None = None
    stated: dict[str, str] = field(default_factory=dict)
    current: int | None = None
    related: tuple[str, int] | None = None

    def take(self, kind: str, value: str) -> None:
        match kind:
            case "start":
                self._describe_current()
            case "noun":
                self._mention(value)
            case "relation" if self.current is not None:
                self.related = (value, self.current)
            case "background":
                self.background = value
            case "pattern":
                self.stated["texture"] = value
                self._describe_current()
            case "color" | "texture" | "number":
                self.stated[kind] = value

    def finish(self) -> Description | None:
        self._describe_current()
        if not self.groups:
            return None
        return Description(numbered(self.groups), tuple(self.relations), self.background)

    def _mention(self, shape: str) -> None:
        """Note a noun: a new one, or one that was mentioned before and is related now."""
        shapes = [each.shape for each in self.groups]
        if shape in shapes:
            self.current = shapes.index(shape)
        else:
            number = self.stated.pop("number", None)
            self.groups.append(Group(shape, tuple(range(int(number or 1))), counted=number is not None))
            self.current = len(self.groups) - 1
        self._describe_current()
        if self.related is not None:
            self.relations.append(Relation(*self.related, self.current))
            self.related = None

    def _describe_current(self) -> None:
        """Give what was stated to the noun before it, as in "the ring is red"."""
        if self.current is not None:
            group = self.groups[self.current]
            color, texture = self.stated.pop("color", group.color), self.stated.pop("texture", group.texture)
            self.groups[self.current] = replace(group, color=color, texture=texture)


def _find_style(description: Description, caption: str) -> Style | None:
    fractions = product(range(MOST_FORMS), range(MOST_SYNONYMS), (False, True), (False, True))
    for form, synonym, first, as_noun in fractions:
        style = Style(form / MOST_FORMS, synonym / MOST_SYNONYMS, first, as_noun, caption.endswith("."))
        if phrase(description, style).text == caption:
            return style
    return None
