"""What is ordered from a writer, round by round.

The orders of a round depend on the answers to the rounds before alone: they may be out at the same time, and a stopped
run repeats its orders and finds the answers that it has.
"""

from __future__ import annotations

from lightning_compose.prepare.models.writer import Order
from lightning_compose.prepare.prompts.selection import Cell, Selection
from lightning_compose.seeding import generator


class Orders:
    """Order until nothing is missing, or a stage and category brings nothing new any more.

    Args:
        selection: What is wanted and what is there.
        seed: Of the run.
        per_order: Drafts in an order, at most.
        avoid: Prompts that an order names.
        patience: Orders in a row without a new prompt.
    """

    def __init__(self, selection: Selection, seed: int, per_order: int, avoid: int, patience: int) -> None:
        self._selection = selection
        self._seed = seed
        self._per_order = per_order
        self._avoid = avoid
        self._patience = patience
        self._rounds = 0
        self._barren = dict.fromkeys(selection.wanted, 0)

    def next_round(self) -> list[Order]:
        """Return an order for each stage and category that lacks prompts; none = all is done."""
        orders = [self._order(cell) for cell in self._barren if self._is_open(cell)]
        self._rounds += 1
        return orders

    def tell(self, order: Order, kept: int) -> None:
        """Learn how many prompts an order brought."""
        cell = (order.stage, order.category)
        self._barren[cell] = 0 if kept else self._barren[cell] + 1

    def _is_open(self, cell: Cell) -> bool:
        return self._selection.missing(cell) > 0 and self._barren[cell] < self._patience

    def _order(self, cell: Cell) -> Order:
        stage, category = cell
        kept = [row.prompt for row in self._selection.kept[cell]]
        # Below 2**31: servers differ in what they take.
        seed = int(generator(self._seed, f"prepare/prompts/{stage}/{category}", self._rounds).integers(2**31))
        avoid = tuple(kept[max(0, len(kept) - self._avoid) :])
        return Order(category, stage, min(self._per_order, self._selection.missing(cell)), seed, avoid)
