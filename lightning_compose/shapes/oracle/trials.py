"""How well images are read: questions answered, objects taken for others, smears taken for what a prompt asks for."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.reading import Reading
from lightning_compose.shapes.oracle.smears import Smear
from lightning_compose.shapes.oracle.verdict import answer, judge
from lightning_compose.shapes.pairs import Pair
from lightning_compose.shapes.questions import KINDS, ask
from lightning_compose.shapes.questions import answer as true_answer
from lightning_compose.shapes.scenes import Object, Scene

NEAR = 0.08  # sides of the image, between an object and where it was seen
NOTHING = "nothing"

Drawing = Callable[[Scene, int], np.ndarray]
"""From a scene and the number of the image to uint8 [h, w, 3]."""


@dataclass
class Trial:
    """The outcome of reading many images: counts, and the reader's time."""

    asked: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    confused: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    images: int = 0
    faultless: int = 0
    seconds: float = 0.0

    def share_right(self, *kinds: str) -> float:
        """Return the share of questions answered rightly, of all kinds if none is given."""
        kinds = kinds or KINDS
        return sum(self.right[kind] for kind in kinds) / max(sum(self.asked[kind] for kind in kinds), 1)


def try_drawing(pairs: Iterable[Pair], draw: Drawing) -> Trial:
    """Read both images of each pair, and ask of both what is asked of the positive one."""
    trial = Trial()
    for pair in pairs:
        for scene in (pair.positive, pair.negative):
            _try_scene(trial, scene, pair, draw(scene, trial.images))
    return trial


def try_smear(pairs: Sequence[Pair], smear: Smear, stream: str) -> tuple[int, int]:
    """Return how many prompts are counted as correct on smears of their scenes, and how many objects are seen."""
    scenes = [pair.positive for pair in pairs]
    correct = seen = 0
    for index, pair in enumerate(pairs):
        reading = read(smear(scenes, index, generator(0, stream, index)))
        correct += judge(reading, ask(pair.description)).correct
        seen += len(reading.objects)
    return correct, seen


def confusions(scene: Scene, reading: Reading) -> Iterable[tuple[str, str, str]]:
    """Yield (attribute, true value, value read) of each object, `NOTHING` where there is none or none was seen."""
    unmatched = list(reading.items)
    for item in scene.objects:
        seen = min(unmatched, key=lambda other: _distance(item, other), default=None)
        if seen is not None and _distance(item, seen) <= NEAR:
            unmatched.remove(seen)
        else:
            seen = None
        for name in ("shape", "color", "texture"):
            yield name, getattr(item, name), getattr(seen, name, NOTHING)
    for seen in unmatched:
        for name in ("shape", "color", "texture"):
            yield name, NOTHING, getattr(seen, name)


def _try_scene(trial: Trial, scene: Scene, pair: Pair, image: np.ndarray) -> None:
    start_s = time.process_time()
    reading = read(image)
    trial.seconds += time.process_time() - start_s
    questions = ask(pair.description)
    right = [answer(reading, question) == true_answer(scene, question) for question in questions]
    trial.asked.update(question.kind for question in questions)
    trial.right.update(question.kind for question, is_right in zip(questions, right, strict=True) if is_right)
    trial.confused.update(confusions(scene, reading))
    trial.images += 1
    trial.faultless += all(right)


def _distance(first: Object, second: Object) -> float:
    return float(np.hypot(first.x - second.x, first.y - second.y))
