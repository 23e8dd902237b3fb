"""Batches of pairs, made without shards."""

from collections import Counter

import torch
from torch.utils.data import DataLoader

from lightning_compose.data.batch import PairBatch
from lightning_compose.data.schema import Noun

CAPTION = "a red cat and a dog"
NEGATIVE_CAPTION = "a red dog and a cat"
NOUNS = (Noun("cat", ((6, 9),), mask=0), Noun("dog", ((16, 19),), mask=1))


def pair_batch(index: list[int], size_px: int = 16) -> PairBatch:
    """Samples whose pixels depend on their index."""
    generators = [torch.Generator().manual_seed(each) for each in index]
    images = torch.stack(
        [torch.randint(0, 256, (3, size_px, size_px), dtype=torch.uint8, generator=each) for each in generators]
    )
    masks = torch.zeros(len(index), 4, size_px, size_px, dtype=torch.bool)
    masks[:, 0, :8] = masks[:, 1, 8:] = True
    return PairBatch(
        indices=index,
        keys=[f"sample{each}" for each in index],
        captions=[CAPTION] * len(index),
        negative_captions=[NEGATIVE_CAPTION] * len(index),
        nouns=[NOUNS] * len(index),
        positive=images,
        negative=255 - images,
        has_negative=torch.ones(len(index), dtype=torch.bool),
        noun_masks=masks,
        noun_supervised=masks.flatten(2).any(2),
        unsupervised=Counter(),
        bad=[],
    )


def batches(steps: int, batch_size: int = 2) -> DataLoader:
    """A loader of `steps` batches, indices counted from 0."""
    ready = [pair_batch(list(range(each * batch_size, (each + 1) * batch_size))) for each in range(steps)]
    return DataLoader(ready, batch_size=None)
