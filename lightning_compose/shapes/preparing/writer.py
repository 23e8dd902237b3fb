"""The embedded world's templates in the place of a language model."""

from __future__ import annotations

from lightning_compose.prepare.models.writer import Draft, Order, Writer
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.questions import ask

SPLIT = "train"


class ShapesWriter(Writer):
    """Write captions of pairs of the embedded world, with the questions about them. It repeats itself at times."""

    name = "shapes-templates"

    def write(self, order: Order) -> list[Draft]:
        """Return as many drafts as ordered, none of a held-out composition.

        Raises:
            ValueError: When the world has no pairs of this stage and category.
        """
        places = _places(order)
        indices = [len(ROUND) * (number // len(places)) + places[number % len(places)] for number in range(order.count)]
        return [_draft(order.seed, index) for index in indices]


def _places(order: Order) -> list[int]:
    cells = [(stage, category) for stage, category, _ in ROUND]
    places = [place for place, cell in enumerate(cells) if cell == (order.stage, order.category)]
    if not places:
        known = sorted({f"{stage}/{category}" for stage, category in cells})
        raise ValueError(
            f"Expected prompts of one of {known}, got {order.stage}/{order.category}, which the embedded world does "
            "not have. Set its count to 0."
        )
    return places


def _draft(seed: int, index: int) -> Draft:
    pair = draw_pair(seed, SPLIT, index)
    return Draft(
        prompt=phrase(pair.description, pair.style).text,
        negative_prompt=phrase(pair.negative_description, pair.style).text,
        questions=ask(pair.description),
        source={"world": "shapes", "seed": seed, "split": SPLIT, "index": index},
    )
