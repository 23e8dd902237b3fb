"""A painter and a judge of the embedded world whose images are known scenes: what they show needs no looking."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import right_answers
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.seeding import generator
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.layout import in_frame, rounded
from lightning_compose.shapes.pairs import Pair
from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.preparing.answerer import FaultyOracle
from lightning_compose.shapes.questions import answer
from lightning_compose.shapes.render import render
from lightning_compose.shapes.sample import choose, random_background
from lightning_compose.shapes.scenes import MAX_SIZE, MIN_SIZE, Object, Scene

ATTRIBUTES = {"color": tuple(COLORS), "texture": TEXTURES, "shape": SHAPES}
# Of places, in sides of the image, and of sizes, as a share.
SHIFT, STRETCH = 0.05, 0.1


class Artist(Painter):
    """Draws the two captions of a pair, each object somewhat moved, and often something else, as models do.

    What else: the pair's other scene, one object less, another attribute or another background, equally likely.

    Args:
        pair: Whose captions it knows.
        skill: Share of images that show their caption, in [0, 1].
    """

    name = "artist"

    def __init__(self, pair: Pair, skill: float) -> None:
        both = (
            (pair.description, pair.positive, pair.negative),
            (pair.negative_description, pair.negative, pair.positive),
        )
        self._scenes = {phrase(each, pair.style).text: (scene, other) for each, scene, other in both}
        self._skill = skill
        self._drawn: dict[bytes, Scene] = {}

    def paint(self, prompts: Sequence[str], seeds: Sequence[int]) -> list[Image.Image]:
        """Return an image a prompt."""
        return [self._paint(*self._scenes[prompt], seed) for prompt, seed in zip(prompts, seeds, strict=True)]

    def scene(self, image: Image.Image) -> Scene:
        """Return what an image of its own shows."""
        return self._drawn[image.tobytes()]

    def shows(self, image: Image.Image, questions: Sequence[Question]) -> bool:
        """Whether an image of its own answers all questions rightly."""
        scene = self.scene(image)
        return all(right_answers(questions, [answer(scene, each) for each in questions]))

    def _paint(self, scene: Scene, other: Scene, seed: int) -> Image.Image:
        rng = generator(seed, "artist")
        shown = scene if rng.random() < self._skill else muddled(rng, scene, other)
        shown = replace(shown, objects=tuple(_moved(rng, item) for item in shown.objects))
        image = Image.fromarray(render(shown))
        self._drawn[image.tobytes()] = shown
        return image


class SceneJudge(FaultyOracle):
    """Answers from the scenes of an artist, with the oracle's faults.

    Args:
        artist: Who drew the images.
        error_rate: Chance of each answer to be wrong, in [0, 1].
        seed: Of the faults.
    """

    def __init__(self, artist: Artist, error_rate: float, seed: int) -> None:
        super().__init__(error_rate, seed)
        self._artist = artist

    def truth(self, image: Image.Image, question: Question) -> str:
        """Return the right answer."""
        return answer(self._artist.scene(image), question)


def muddled(rng: np.random.Generator, scene: Scene, other: Scene) -> Scene:
    """Return a scene that a model may draw in the place of the one that it was asked for."""
    kind = int(rng.integers(4))
    if kind == 0:
        return other
    if kind == 1:
        return replace(scene, background=random_background(rng))
    index = int(rng.integers(len(scene.objects)))
    if kind == 2 and len(scene.objects) > 1:
        return replace(scene, objects=scene.objects[:index] + scene.objects[index + 1 :])
    name = choose(rng, tuple(ATTRIBUTES))
    changed: dict[str, Any] = {name: choose(rng, ATTRIBUTES[name])}
    objects = list(scene.objects)
    objects[index] = replace(objects[index], **changed)
    return replace(scene, objects=tuple(objects))


def _moved(rng: np.random.Generator, item: Object) -> Object:
    size = rounded(np.clip(item.size * rng.uniform(1 - STRETCH, 1 + STRETCH), MIN_SIZE, MAX_SIZE))
    x, y = (rounded(place + rng.uniform(-SHIFT, SHIFT)) for place in (item.x, item.y))
    return replace(item, x=x, y=y, size=size) if in_frame((x, y, size)) else item
