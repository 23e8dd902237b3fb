"""From a description to a sentence. A pair's two captions share one `Style`, so that only the facts differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.palette import BACKGROUNDS, PLAIN
from lightning_compose.shapes.phrases import (
    NUMBERS,
    Fragments,
    Marked,
    MarkedText,
    article,
    enumerate_phrases,
    fill,
    finish,
    plural,
)
from lightning_compose.shapes.relations import RELATIONS

LISTS = (
    "{all}{where}",
    "a picture of {all}{where}",
    "an image of {all}{where}",
    "a drawing of {all}{where}",
    "there {is} {all}{where}",
    "this picture shows {all}{where}",
)
FRONTED_LISTS = ("{where_first}, there {is} {all}", "{where_first} {are} {all}")
PREDICATES = ("{predicates}",)
FRONTED_PREDICATES = ("{where_first}, {predicates}",)
RELATIONAL = (
    "{subject} {modifier} {object}{where}",
    "a picture of {subject} {modifier} {object}{where}",
    "a drawing of {subject} {modifier} {object}{where}",
    "there is {subject} {modifier} {object}{where}",
    "{subject} is {predicate} {object}{where}",
)
FRONTED_RELATIONAL = ("{where_first}, {subject} is {predicate} {object}",)
COMPLEX = (
    "{all}{where}, with {the_subject} {predicate} {the_object}",
    "{all}{where}, where {the_subject} is {predicate} {the_object}",
    "{subject} {modifier} {object}, together with {rest}{where}",
    "{subject} is {predicate} {object}, along with {rest}{where}",
)
TEXTURE_NOUNS = {"striped": "stripes", "dotted": "dots", "checkered": "checks"}


@dataclass(frozen=True, slots=True)
class Style:
    """How a caption is worded, whatever it says. `form` and `synonym` pick from lists by a fraction in [0, 1)."""

    form: float
    synonym: float
    texture_first: bool
    texture_as_noun: bool
    full_stop: bool


def draw_style(rng: np.random.Generator) -> Style:
    """Draw a style."""
    form, synonym, texture_first, texture_as_noun, full_stop = rng.random(5).tolist()
    return Style(form, synonym, texture_first < 0.4, texture_as_noun < 0.25, full_stop < 0.7)


def phrase(description: Description, style: Style) -> MarkedText:
    """Put a description into words.

    Mentions are numbered as the description's groups; the background, where it is stated, comes after them.
    """
    slots = _group_slots(description.groups, style)
    slots |= _background_slots(description)
    for relation in description.relations:
        slots |= _relation_slots(description.groups, relation, style)
    return finish(fill(_pick(_templates(description), style.form), slots), style.full_stop)


def _templates(description: Description) -> tuple[str, ...]:
    fronted = description.background is not None
    if description.relations:
        if len(description.groups) > 2:
            return COMPLEX
        return RELATIONAL + (FRONTED_RELATIONAL if fronted else ())
    if not _can_predicate(description):
        return LISTS + (FRONTED_LISTS if fronted else ())
    return LISTS + (FRONTED_LISTS + FRONTED_PREDICATES if fronted else PREDICATES)


def _can_predicate(description: Description) -> bool:
    """Whether "the circle is red and the ring is blue" would say all."""
    groups = description.groups
    one_attribute = all((each.color is None) != (each.texture is None) for each in groups)
    return len(groups) <= 2 and one_attribute and not any(each.counted for each in groups)


def _group_slots(groups: Sequence[Group], style: Style) -> dict[str, Fragments]:
    phrases = [_noun_phrase(index, group, style) for index, group in enumerate(groups)]
    predicates = [_predicate(index, group) for index, group in enumerate(groups)]
    return {
        "all": enumerate_phrases(phrases),
        "predicates": enumerate_phrases(predicates),
        # "There is a ring and a heart", but "in a meadow are a ring and a heart".
        "is": _verb(groups[0]),
        "are": ["are"] if len(groups) > 1 else _verb(groups[0]),
    }


def _relation_slots(groups: Sequence[Group], relation: Relation, style: Style) -> dict[str, Fragments]:
    words = RELATIONS[relation.name]
    related = {"subject": relation.subject, "object": relation.object}
    others = [index for index in range(len(groups)) if index not in related.values()]
    slots: dict[str, Fragments] = {
        "modifier": [_pick(words.modifiers, style.synonym)],
        "predicate": [_pick(words.predicates, style.synonym)],
        "rest": enumerate_phrases([_noun_phrase(index, groups[index], style) for index in others]),
    }
    for role, index in related.items():
        slots[role] = _noun_phrase(index, groups[index], style)
        slots[f"the_{role}"] = _the(index, groups[index])
    return slots


def _background_slots(description: Description) -> dict[str, Fragments]:
    kind = description.background
    if kind is None:
        return {"where": []}
    before, _, _ = BACKGROUNDS[kind].rpartition(kind)
    place: Fragments = [before, Marked(kind, len(description.groups), is_noun=True)]
    return {"where": [" ", *place], "where_first": place}


def _noun_phrase(owner: int, group: Group, style: Style) -> Fragments:
    adjectives = [each for each in (group.color, group.texture) if each is not None]
    if style.texture_first or group.texture == PLAIN:
        adjectives.reverse()
    after: Fragments = []
    if style.texture_as_noun and group.texture in TEXTURE_NOUNS:
        adjectives.remove(group.texture)
        after = [" with ", Marked(TEXTURE_NOUNS[group.texture], owner)]
    noun = _noun(group)
    words: Fragments = [_determiner(group, adjectives[0] if adjectives else noun), " "]
    for adjective in adjectives:
        words += [Marked(adjective, owner), " "]
    return [*words, Marked(noun, owner, is_noun=True), *after]


def _predicate(owner: int, group: Group) -> Fragments:
    value = group.color or group.texture or PLAIN
    return [*_the(owner, group), " ", *_verb(group), " ", Marked(value, owner)]


def _the(owner: int, group: Group) -> Fragments:
    return ["the ", Marked(_noun(group), owner, is_noun=True)]


def _noun(group: Group) -> str:
    return group.shape if len(group.objects) == 1 else plural(group.shape)


def _determiner(group: Group, next_word: str) -> str:
    if group.counted:
        return NUMBERS[len(group.objects)]
    return "some" if len(group.objects) > 1 else article(next_word)


def _verb(group: Group) -> Fragments:
    return ["is" if len(group.objects) == 1 else "are"]


def _pick(options: Sequence[str], fraction: float) -> str:
    return options[int(fraction * len(options))]
