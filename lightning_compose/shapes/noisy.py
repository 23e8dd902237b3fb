"""Scenes with captions as noisy as those of the web, to pretrain on: each a pure function of (seed, index)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from lightning_compose.data.images import encode_image
from lightning_compose.data.masks import encode_mask
from lightning_compose.data.schema import Annotation, Sample
from lightning_compose.seeding import generator
from lightning_compose.shapes.caption_noise import WEB_NOISE, CaptionNoise, corrupt, leave_out
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.description import Description
from lightning_compose.shapes.generate import list_nouns, noun_masks
from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.phrases import MarkedText
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Scene


@dataclass(frozen=True, slots=True)
class NoisyScene:
    """The positive scene of a training pair, or most of it, and what a careless writer says of it.

    Args:
        stage: Of the pair.
        category: Of the pair.
        scene: What is drawn.
        description: What is stated, of this scene: a noun whose objects are not drawn has none.
        caption: The description in words.
    """

    stage: str
    category: str
    scene: Scene
    description: Description
    caption: MarkedText


def draw_noisy(seed: int, index: int, noise: CaptionNoise = WEB_NOISE) -> NoisyScene:
    """Draw the positive scene of training pair `index` with a noisy caption.

    A wrong caption may state a composition that is held out; no scene shows one.
    """
    pair = draw_pair(seed, "train", index)
    stated = corrupt(generator(seed, "shapes/caption-noise", index), pair.description, noise)
    scene, description = leave_out(generator(seed, "shapes/invented-noun", index), pair.positive, stated, noise)
    return NoisyScene(pair.stage, pair.category, scene, description, phrase(stated, pair.style))


def generate_noisy(seed: int, indices: range, size_px: int = 64, noise: CaptionNoise = WEB_NOISE) -> Iterator[Sample]:
    """Generate samples without negatives and without questions, whose answers would be as wrong as the captions.

    Args:
        seed: The set's seed.
        indices: Of the training pairs whose positives are wanted.
        size_px: Side of the images.
        noise: Of the captions.
    """
    for index in indices:
        drawn = draw_noisy(seed, index, noise)
        annotation = Annotation(
            caption=drawn.caption.text,
            stage=drawn.stage,
            category=drawn.category,
            nouns=list_nouns(drawn.caption),
            masks=tuple(encode_mask(mask) for mask in noun_masks(drawn.scene, drawn.description, size_px)),
            source={
                "world": "shapes",
                "seed": seed,
                "noise": asdict(noise),
                "index": index,
                "positive": drawn.scene.to_dict(),
            },
        )
        yield Sample(f"n{index:09d}", annotation, encode_image(render(drawn.scene, size_px)))
