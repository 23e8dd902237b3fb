"""A prompt taken apart by a language model into questions, and what such questions must be.

They form a Davidsonian scene graph (Cho et al., 2024): one fact a question, whose answer the prompt gives, asked only
if those that it depends on are answered rightly. Their kinds and arguments are those of the embedded world.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, model_validator

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import YES_OR_NO, in_order

ARGUMENTS = {"entity": 1, "attribute": 2, "count": 1, "relation": 3, "scene": 1}
ABOUT_ENTITIES = ("attribute", "count", "relation")
INSTRUCTIONS = """\
Take the caption of an image apart into questions that a person who sees only the image can answer, one fact each.
Kinds and their arguments:
  entity     [noun]                        Is there a dog?                   answer: yes
  attribute  [noun, attribute]             Is the dog yellow?                answer: yes
  count      [noun]                        How many dogs are there?          answer: a number in digits
  relation   [noun, relation, noun]        Is the dog chasing the woman?     answer: yes
  scene      [place or setting]            Is this on a beach?               answer: yes
Rules: ids count from 0. Every noun of the caption is an entity. Attributes are colors, shapes, textures, actions,
states. Ask for a count only where the caption gives a number. Write nouns and attributes as the caption does, nouns in
the singular. A question depends on the entities that it is about, and on nothing that comes later. Ask for all that
the caption states and for nothing else."""
EXAMPLES = {
    "A yellow dog chases two women on a beach.": (
        (0, "entity", ("dog",), "Is there a dog?", "yes", ()),
        (1, "entity", ("woman",), "Are there women?", "yes", ()),
        (2, "attribute", ("dog", "yellow"), "Is the dog yellow?", "yes", (0,)),
        (3, "count", ("woman",), "How many women are there?", "2", (1,)),
        (4, "relation", ("dog", "chases", "woman"), "Does the dog chase the women?", "yes", (0, 1)),
        (5, "scene", ("beach",), "Is this on a beach?", "yes", ()),
    ),
    "A striped cup to the left of a round mirror": (
        (0, "entity", ("cup",), "Is there a cup?", "yes", ()),
        (1, "entity", ("mirror",), "Is there a mirror?", "yes", ()),
        (2, "attribute", ("cup", "striped"), "Is the cup striped?", "yes", (0,)),
        (3, "attribute", ("mirror", "round"), "Is the mirror round?", "yes", (1,)),
        (4, "relation", ("cup", "left of", "mirror"), "Is the cup to the left of the mirror?", "yes", (0, 1)),
    ),
}


class Asked(BaseModel):
    """A question as a language model writes it."""

    id: int
    kind: Literal["entity", "attribute", "count", "relation", "scene"]
    arguments: list[str]
    question: str
    answer: str
    depends_on: list[int]


class Decomposition(BaseModel):
    """All questions about a prompt; what breaks the rules of `INSTRUCTIONS` does not validate."""

    questions: list[Asked]

    @model_validator(mode="after")
    def _check(self) -> Decomposition:
        in_order(self.to_questions())
        kinds = {each.id: each.kind for each in self.questions}
        if "entity" not in kinds.values():
            raise ValueError("Expected a question about an entity, got none. Ask whether its nouns are there.")
        for each in self.questions:
            _require_form(each)
            if each.kind in ABOUT_ENTITIES and "entity" not in {kinds[parent] for parent in each.depends_on}:
                raise ValueError(f"Expected question {each.id} to depend on an entity, got {each.depends_on}.")
        return self

    def to_questions(self) -> tuple[Question, ...]:
        """Return them as a sample has them, in the order they came."""
        return tuple(
            Question(
                each.id,
                each.question,
                each.answer.strip().casefold(),
                each.kind,
                tuple(each.arguments),
                tuple(each.depends_on),
            )
            for each in self.questions
        )


def question_messages(prompt: str) -> list[dict[str, str]]:
    """Return what to tell a language model to have a prompt taken apart: the rules, two examples, the prompt."""
    messages = [{"role": "system", "content": INSTRUCTIONS}]
    for caption, questions in EXAMPLES.items():
        fields = [dict(zip(Asked.model_fields, each, strict=True)) for each in questions]
        answer = Decomposition.model_validate({"questions": fields}).model_dump_json()
        messages += [{"role": "user", "content": caption}, {"role": "assistant", "content": answer}]
    return [*messages, {"role": "user", "content": prompt}]


def _require_form(asked: Asked) -> None:
    count = ARGUMENTS[asked.kind]
    if len(asked.arguments) != count or not all(each.strip() for each in (*asked.arguments, asked.question)):
        raise ValueError(
            f"Expected question {asked.id} of kind {asked.kind} to have words and {count} arguments, "
            f"got {asked.question!r} and {asked.arguments}."
        )
    answer = asked.answer.strip().casefold()
    if not (answer.isdecimal() if asked.kind == "count" else answer in YES_OR_NO):
        expected = "a number in digits" if asked.kind == "count" else "yes or no"
        raise ValueError(f"Expected the answer of question {asked.id} to be {expected}, got {asked.answer!r}.")
