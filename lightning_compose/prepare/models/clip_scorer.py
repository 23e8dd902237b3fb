"""CLIPScore of a CLIP from a folder."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.prepare.models.clip_model import ClipModel
from lightning_compose.prepare.models.scorer import Scorer


class ClipScorer(ClipModel, Scorer):
    """Score image and text by a CLIP (Hessel et al., "CLIPScore", 2021); see `ClipModel`."""

    def score(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        """Return a score in [0, 100] a pair."""
        return [score for part in self.batches(len(images)) for score in self._score(images[part], texts[part])]

    def _score(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        import torch

        from lightning_compose.metrics.clip_score import clip_scores

        with torch.inference_mode():
            return clip_scores(self._clip.model, self._clip.pixels(images), self._clip.tokens(texts)).tolist()
