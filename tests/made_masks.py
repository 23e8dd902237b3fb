"""Finders of nouns, segmenters and a scorer that need no weights, for tests of the steps `masks` and `images`."""

import re

import numpy as np

from lightning_compose.data.schema import Noun
from lightning_compose.prepare.models.noun_finder import NounFinder
from lightning_compose.prepare.models.scorer import Scorer
from lightning_compose.prepare.models.segmenter import Found, Segmenter


class ListedNouns(NounFinder):
    """Every mention of the listed words is a noun of its own.

    Args:
        words: In lower case.
        shift: How far off the spans are.
    """

    name = "listed"

    def __init__(self, words=("cup", "ring", "woman"), shift=0):
        self._pattern = re.compile(rf"\b({'|'.join(words)})\b", re.IGNORECASE)
        self._shift = shift

    def find(self, captions, questions):
        return [tuple(self._nouns(caption)) for caption in captions]

    def _nouns(self, caption):
        for match in self._pattern.finditer(caption):
            yield Noun(match[0], ((match.start() + self._shift, match.end() + self._shift),))


class NamedSegmenter(Segmenter):
    """Finds a cup everywhere, two rings in the first and the last column, an empty hat, and nothing else.

    Args:
        margin_px: How much larger than the image the masks are.
    """

    name = "named"

    def __init__(self, margin_px=0):
        self._margin_px = margin_px
        self.phrases = []

    def segment(self, images, phrases):
        self.phrases += map(tuple, phrases)
        return [tuple(self._find(image, each) for each in named) for image, named in zip(images, phrases, strict=True)]

    def _find(self, image, phrase):
        width, height = (float(side) for side in image.size)
        masks = np.zeros((2, image.height + self._margin_px, image.width), dtype=np.bool_)
        match phrase:
            case "cup":
                return Found.union(~masks[:1], [(0.0, 0.0, width, height)], [0.75])
            case "ring":
                masks[0, :, 0] = masks[1, :, -1] = True
                return Found.union(masks, [(0.0, 0.0, 1.0, height), (width - 1, 0.0, width, height)], [0.5, 0.25])
            case "hat":
                return Found.union(masks[:1], [(0.0, 0.0, width, height)], [0.5])
        return Found.union(masks[:0], [], [])


class LongestCaption(Scorer):
    """The longest caption is the best."""

    name = "longest"

    def score(self, images, texts):
        assert all(image.mode == "RGB" for image in images)
        return [float(len(text)) for text in texts]
