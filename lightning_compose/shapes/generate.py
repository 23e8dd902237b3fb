"""From pairs to samples: images drawn, masks cut, nouns and questions listed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from lightning_compose.data.images import encode_image
from lightning_compose.data.masks import encode_mask
from lightning_compose.data.schema import Annotation, Noun, Sample
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.description import Description
from lightning_compose.shapes.pairs import Pair, draw_pair
from lightning_compose.shapes.phrases import MarkedText
from lightning_compose.shapes.questions import ask
from lightning_compose.shapes.render import render, render_masks
from lightning_compose.shapes.scenes import Scene

KEY_PREFIXES = {"train": "", "held_out": "h"}


def generate(seed: int, split: str, pairs: range, size_px: int = 64) -> Iterator[Sample]:
    """Generate samples one by one, each a pure function of (seed, split, index, size_px).

    Args:
        seed: The set's seed.
        split: ``"train"`` or ``"held_out"``; see `pairs.draw_pair`.
        pairs: Indices of the pairs wanted.
        size_px: Side of the images.
    """
    for index in pairs:
        source = {"world": "shapes", "seed": seed, "split": split, "index": index}
        yield make_sample(f"{KEY_PREFIXES[split]}{index:09d}", draw_pair(seed, split, index), source, size_px)


def make_sample(key: str, pair: Pair, source: dict[str, Any], size_px: int) -> Sample:
    """Draw a pair and write down all that is known of it.

    Args:
        key: The sample's key.
        pair: What to draw.
        source: Where the pair comes from; its two scenes are added.
        size_px: Side of the images.
    """
    caption = phrase(pair.description, pair.style)
    annotation = Annotation(
        caption=caption.text,
        stage=pair.stage,
        category=pair.category,
        negative_caption=phrase(pair.negative_description, pair.style).text,
        nouns=list_nouns(caption),
        masks=tuple(encode_mask(mask) for mask in noun_masks(pair.positive, pair.description, size_px)),
        questions=ask(pair.description),
        source={**source, "positive": pair.positive.to_dict(), "negative": pair.negative.to_dict()},
    )
    positive, negative = (encode_image(render(scene, size_px)) for scene in (pair.positive, pair.negative))
    return Sample(key, annotation, positive, negative)


def noun_masks(scene: Scene, description: Description, size_px: int) -> list[np.ndarray]:
    """Return a mask for each mention of a description, bool [size_px, size_px].

    A group's mask is the union of its objects' visible parts; a stated background's is all that no object hides.
    """
    visible = render_masks(scene, size_px)
    masks = [np.any(visible[list(group.objects)], axis=0) for group in description.groups]
    if description.background is not None:
        masks.append(~np.any(visible, axis=0))
    return masks


def list_nouns(caption: MarkedText) -> tuple[Noun, ...]:
    """Return the nouns of a caption in its order; the mask of a mention has the mention's number."""
    nouns = [
        Noun(noun.text, noun.spans, caption.attributes.get(mention, ()), mask=mention)
        for mention, noun in caption.nouns.items()
    ]
    return tuple(sorted(nouns, key=lambda noun: noun.spans))
