"""The distance of drawn images from real ones (Binkowski et al., "Demystifying MMD GANs", 2018: KID), by a CLIP."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics.image.kid import KernelInceptionDistance as TorchmetricsKID
from torchmetrics.utilities import dim_zero_cat
from transformers import CLIPModel


class ImageTower(nn.Module):
    """The image tower of a CLIP as an extractor of features.

    Args:
        model: Its final layer norm gives every feature unit scale, which KID's polynomial kernel expects.
    """

    def __init__(self, model: CLIPModel) -> None:
        super().__init__()
        self.vision_model = model.vision_model

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the features float [b, width] of images float [b, 3, h, w]."""
        return self.vision_model(pixels).pooler_output.float()


class KernelInceptionDistance(TorchmetricsKID):
    """torchmetrics' KID over all pairs of images at once, the same for any number of processes.

    Args:
        feature: From pixels to features [b, width]; see `ImageTower`.

    The published subsets of 1,000 images save memory on ten thousands; a benchmark of some hundred has no need of
    them, and without them nothing is random.
    """

    def __init__(self, feature: nn.Module) -> None:
        with warnings.catch_warnings():
            # That it keeps the features of some hundred images is no reason to worry.
            warnings.simplefilter("ignore", UserWarning)
            super().__init__(feature=feature, subsets=1, subset_size=1)
        for name in ("real_features", "fake_features"):
            # By default ranks that took in batches of different number wait for each other for ever.
            self.add_state(name, [], dist_reduce_fx="cat")

    def compute(self) -> Any:
        """Return the distance and 0, its spread over the one subset; None where there are not two images a side.

        Raises:
            ValueError: When there are not as many real images as drawn ones.
        """
        sizes = [len(dim_zero_cat(each)) if len(each) else 0 for each in (self.real_features, self.fake_features)]
        if sizes[0] != sizes[1]:
            raise ValueError(f"Expected as many real images as drawn ones, got {sizes[0]} and {sizes[1]}.")
        if sizes[0] < 2:
            return None
        self.subset_size = sizes[0]
        # It draws a permutation, of which the result does not depend, from the generator of the training.
        with torch.random.fork_rng(devices=[]):
            return super().compute()
