"""A writer's answers to orders, each kept on disk as it comes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock

from lightning_compose.data.durable import flush_folder, replaced
from lightning_compose.prepare.models.writer import Draft, Order, Writer
from lightning_compose.prepare.rows import from_line, to_line


@dataclass(frozen=True, slots=True)
class Answered:
    """An order and its answer.

    Args:
        key: Number of the order.
        order: What was asked for.
        drafts: What came.
        model: Name of the writer.
        counts: What happened at the writer since the last answer that was kept, by kind.
    """

    key: str
    order: Order
    drafts: tuple[Draft, ...]
    model: str
    counts: dict[str, int] = field(default_factory=dict)


class Answers:
    """Answer orders from a folder, and from a writer what is not there yet.

    Args:
        folder: Of a file each; made if it is missing.
        writer: Threads share it.
        parallel: Orders that are out at a time.
    """

    def __init__(self, folder: Path, writer: Writer, parallel: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._writer = writer
        self._parallel = parallel
        self._told: Counter[str] = Counter(writer.counts)
        self._lock = Lock()

    def to(self, orders: Sequence[Order], first: int) -> Iterator[tuple[Answered, bool]]:
        """Yield the answers in the order of their orders, and whether each was there before.

        Args:
            orders: One round's.
            first: Number of the first of them in the run.

        Raises:
            ValueError: When a file answers another order.
        """
        found = [self._find(number, order) for number, order in enumerate(orders, first)]
        with _threads(self._parallel) as threads:
            asked = {
                number: threads.submit(self._ask, number, order)
                for number, (order, there) in enumerate(zip(orders, found, strict=True), first)
                if there is None
            }
            for number, there in enumerate(found, first):
                yield (asked[number].result(), False) if there is None else (there, True)

    def _find(self, number: int, order: Order) -> Answered | None:
        file = self._file(number)
        if not file.is_file():
            return None
        answered = from_line(Answered, file.read_text(encoding="utf-8"), str(file))
        if answered.order != order:
            raise ValueError(
                f"Expected '{file}' to answer the order {order}, got an answer to {answered.order}. Settings or files "
                f"were changed: set them back, take another workspace, or remove '{self._folder.parent}'."
            )
        return answered

    def _ask(self, number: int, order: Order) -> Answered:
        drafts = tuple(self._writer.write(order))
        with self._lock:
            counts = Counter(self._writer.counts) - self._told
            self._told += counts
            answered = Answered(f"{number:06d}", order, drafts, self._writer.name, dict(counts))
            with replaced(self._file(number)) as file:
                file.write(to_line(answered).encode())
            flush_folder(self._folder)
        return answered

    def _file(self, number: int) -> Path:
        return self._folder / f"{number:06d}.jsonl"


@contextmanager
def _threads(count: int) -> Iterator[ThreadPoolExecutor]:
    threads = ThreadPoolExecutor(count)
    try:
        yield threads
    finally:
        # After an error the orders that are not out yet stay so.
        threads.shutdown(wait=True, cancel_futures=True)
