"""The compositions kept for testing: none of them occurs in a training scene, stated or not.

Every colour, every texture but plain and every shape occurs in training, only not in these company: one shape for each
colour and texture, and three pairs of shapes that never share a training scene, whatever their relation.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations

from lightning_compose.shapes.description import Description
from lightning_compose.shapes.scenes import Scene

SPLITS = ("train", "held_out")

ATTRIBUTES: dict[str, str] = {
    "red": "plus sign",
    "orange": "heart",
    "yellow": "ring",
    "green": "five-pointed star",
    "blue": "triangle",
    "purple": "circle",
    "pink": "crescent moon",
    "turquoise": "square",
    "striped": "crescent moon",
    "dotted": "triangle",
    "checkered": "heart",
}
PAIRS: frozenset[frozenset[str]] = frozenset(
    {
        frozenset({"circle", "triangle"}),
        frozenset({"heart", "five-pointed star"}),
        frozenset({"ring", "plus sign"}),
    }
)

Composition = tuple[str, str]


def shown(scene: Scene) -> set[Composition]:
    """Return the held-out compositions that a scene shows: (attribute, shape), or two shapes in order."""
    traits = [held_out_traits(item.shape, item.color, item.texture) for item in scene.objects]
    return set().union(*traits, held_out_company(item.shape for item in scene.objects))


def stated(description: Description) -> set[Composition]:
    """Return the held-out compositions that a caption states: attributes of a noun, or two shapes in a relation."""
    groups = description.groups
    traits = [held_out_traits(group.shape, group.color, group.texture) for group in groups]
    related = [
        held_out_company((groups[each.subject].shape, groups[each.object].shape)) for each in description.relations
    ]
    return set().union(*traits, *related)


def held_out_traits(shape: str, *attributes: str | None) -> set[Composition]:
    """Return the held-out pairs of one of `attributes` with `shape`."""
    return {(value, shape) for value in attributes if value is not None and ATTRIBUTES.get(value) == shape}


def held_out_company(shapes: Iterable[str]) -> set[Composition]:
    """Return the held-out pairs among `shapes`, each in alphabetical order."""
    return {pair for pair in combinations(sorted(set(shapes)), 2) if frozenset(pair) in PAIRS}
