"""The embedded world's way to correct a caption: by what the oracle sees, in the caption's own form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PIL.Image import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.oracle.appearance import appears
from lightning_compose.shapes.oracle.reading import Reading
from lightning_compose.shapes.preparing.looking import look
from lightning_compose.shapes.preparing.understanding import numbered, understand
from lightning_compose.shapes.questions import answer_from
from lightning_compose.shapes.relations import OPPOSITES
from lightning_compose.shapes.scenes import MAX_OBJECTS, Object


class OracleCaptioner(Captioner):
    """Change what a caption of the embedded world says to what the oracle sees, and leave what is right.

    An attribute, a number, a place or a relation that is wrong becomes the one that is seen, or is left out where there
    is none; a noun that is not seen becomes one that is, and that the caption did not have.
    """

    name = "oracle"

    def correct(
        self, images: Sequence[Image], captions: Sequence[str], wrong: Sequence[Sequence[Question]]
    ) -> list[str]:
        """Return a caption an image; the old one where it is none of the world's, or nothing of it is seen."""
        return [_correct(look(image), caption) for image, caption in zip(images, captions, strict=True)]


def corrected(reading: Reading, description: Description) -> Description:
    """Return what a description would state if it were of what was read.

    Args:
        reading: Of the image.
        description: Of another, or wrong. Without a group that is seen nothing of it is left.
    """
    groups = _seen_groups(reading.items, description.groups)
    kept = [index for index, each in enumerate(groups) if each is not None]
    relations = (_seen_relation(reading.items, groups, each) for each in description.relations)
    background = reading.background if description.background is not None else None
    return Description(
        numbered([each for each in groups if each is not None]),
        tuple(
            replace(each, subject=kept.index(each.subject), object=kept.index(each.object))
            for each in relations
            if each is not None
        ),
        background,
    )


def _correct(reading: Reading, caption: str) -> str:
    understood = understand(caption)
    if understood is None:
        return caption
    description = corrected(reading, understood[0])
    return phrase(description, understood[1]).text if description.groups else caption


def _seen_groups(items: Sequence[Object], groups: Sequence[Group]) -> list[Group | None]:
    """Return each group as it is seen, or another shape in its place, or None."""
    seen = list(dict.fromkeys(item.shape for item in items))
    others = [shape for shape in seen if shape not in {each.shape for each in groups}]
    found: list[Group | None] = []
    for group in groups:
        shape: str | None = group.shape
        if shape not in seen:
            shape = max(others, key=partial(_likeness, items, group), default=None)
            others = [other for other in others if other != shape]
        found.append(_seen_group([item for item in items if item.shape == shape], group) if shape else None)
    return found


def _likeness(items: Sequence[Object], group: Group, shape: str) -> int:
    """Count the objects of a shape that have what a group states: the red one stands in for what should be red."""
    shown = [item for item in items if item.shape == shape]
    return sum((item.color == group.color) + (item.texture == group.texture) for item in shown)


def _seen_group(shown: Sequence[Object], group: Group) -> Group:
    """Return what can be said of objects of one shape, as much as the group says of its own."""
    counted = group.counted and len(shown) <= MAX_OBJECTS  # there are no words for more
    return Group(
        shown[0].shape,
        tuple(range(len(shown) if counted else 1)),
        _shared([each.color for each in shown]) if group.color is not None else None,
        _shared([each.texture for each in shown]) if group.texture is not None else None,
        counted,
    )


def _shared(values: Sequence[str]) -> str | None:
    return values[0] if len(set(values)) == 1 else None


def _seen_relation(items: Sequence[Object], groups: Sequence[Group | None], relation: Relation) -> Relation | None:
    """Return the relation if it is seen, else its opposite if that is, else None."""
    subject, target = groups[relation.subject], groups[relation.object]
    if subject is None or target is None:
        return None
    for name in (relation.name, OPPOSITES[relation.name]):
        question = Question(0, "", "yes", "relation", (subject.shape, name, target.shape))
        if answer_from(items, None, partial(appears, items), question) == "yes":
            return replace(relation, name=name)
    return None
