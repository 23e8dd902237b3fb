"""What to ask of an image to know whether it shows what a caption states, and how a scene answers.

Questions follow the Davidsonian scene graph (Cho et al., 2024): a question about an attribute, a number or a relation
makes sense only if the objects it asks about are there. Kinds and their arguments::

    entity      shape                          yes | no
    attribute   shape, "color"|"texture", value    yes | no
    count       shape                          a number in digits
    relation    subject, relation, object      yes | no
    scene       background                     yes | no

`ask` asks for what is stated, so that on the positive scene all answers but counts are "yes". The balance comes from
the negative scene: for every pair `answer` differs there for one question at least, whose parents it answers alike.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import permutations

from lightning_compose.data.schema import Question
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.palette import BACKGROUNDS
from lightning_compose.shapes.phrases import article, plural
from lightning_compose.shapes.relations import RELATIONS, holds
from lightning_compose.shapes.scenes import Object, Scene

Related = Callable[[str, int, int], bool]

KINDS = ("entity", "attribute", "count", "relation", "scene")


def ask(description: Description) -> tuple[Question, ...]:
    """Return the questions whose answers a description states, those that others depend on first."""
    questions = [_entity(index, group) for index, group in enumerate(description.groups)]
    for entity, group in enumerate(description.groups):
        questions += _about_group(len(questions), entity, group)
    for relation in description.relations:
        questions.append(_relation(len(questions), relation, description))
    if description.background is not None:
        questions.append(_scene(len(questions), description.background))
    return tuple(questions)


def answer(scene: Scene, question: Question) -> str:
    """Answer a question from the truth of a scene."""
    return answer_from(scene.objects, scene.background.kind, partial(_holds, scene), question)


def answer_from(objects: Sequence[Object], background: str | None, related: Related, question: Question) -> str:
    """Answer a question from any knowledge of an image.

    Args:
        objects: What is there.
        background: One of `BACKGROUNDS`, None = none of them.
        related: Whether a relation holds between two of the objects: its name and their indices.
        question: Of one of `KINDS`.
    """
    shown = [item for item in objects if item.shape == question.arguments[0]]
    match question.kind:
        case "entity":
            return _yes_or_no(bool(shown))
        case "attribute":
            _, attribute, value = question.arguments
            return _yes_or_no(bool(shown) and all(getattr(item, attribute) == value for item in shown))
        case "count":
            return str(len(shown))
        case "relation":
            return _yes_or_no(_any_related(objects, related, *question.arguments))
        case "scene":
            return _yes_or_no(background == question.arguments[0])
    raise ValueError(f"Expected the kind of a question to be one of {KINDS}, got {question.kind!r}.")


def _entity(number: int, group: Group) -> Question:
    named = plural(group.shape) if len(group.objects) > 1 else f"{article(group.shape)} {group.shape}"
    verb = "Are" if len(group.objects) > 1 else "Is"
    return Question(number, f"{verb} there {named}?", "yes", "entity", (group.shape,))


def _about_group(first: int, entity: int, group: Group) -> list[Question]:
    questions: list[Question] = []
    subject = f"Are the {plural(group.shape)}" if len(group.objects) > 1 else f"Is the {group.shape}"
    for name, value in (("color", group.color), ("texture", group.texture)):
        if value is not None:
            arguments = (group.shape, name, value)
            number = first + len(questions)
            questions.append(Question(number, f"{subject} {value}?", "yes", "attribute", arguments, (entity,)))
    if group.counted:
        text, count = f"How many {plural(group.shape)} are there?", str(len(group.objects))
        questions.append(Question(first + len(questions), text, count, "count", (group.shape,), (entity,)))
    return questions


def _relation(number: int, relation: Relation, description: Description) -> Question:
    subject, target = description.groups[relation.subject].shape, description.groups[relation.object].shape
    text = f"Is the {subject} {RELATIONS[relation.name].predicates[0]} the {target}?"
    depends_on = (relation.subject, relation.object)
    return Question(number, text, "yes", "relation", (subject, relation.name, target), depends_on)


def _scene(number: int, background: str) -> Question:
    return Question(number, f"Is this {BACKGROUNDS[background]}?", "yes", "scene", (background,))


def _any_related(objects: Sequence[Object], related: Related, subject: str, name: str, target: str) -> bool:
    pairs = permutations(range(len(objects)), 2)
    shapes = [item.shape for item in objects]
    return any(shapes[i] == subject and shapes[j] == target and related(name, i, j) for i, j in pairs)


def _holds(scene: Scene, name: str, first: int, second: int) -> bool:
    return holds(name, scene, first, second)


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
