"""CLIPScore of a CLIP from a folder."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.prepare.models.scorer import Scorer


class ClipScorer(Scorer):
    """Score image and text by a CLIP (Hessel et al., "CLIPScore", 2021).

    Args:
        pretrained: Folder of a `CLIPModel` with its tokenizer.
        device: Such as ``"cuda"``.
        batch_size: Pairs that are scored at once.
        name: For the rows and the dataset card; None = `pretrained`.
    """

    def __init__(self, pretrained: str, device: str = "cpu", batch_size: int = 32, name: str | None = None) -> None:
        from lightning_compose.evaluation.clip import Clip

        self.name = name or pretrained
        self._clip = Clip(pretrained).to(device)
        self._batch_size = batch_size

    def score(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        """Return a score in [0, 100] a pair."""
        starts = range(0, len(images), self._batch_size)
        slices = [slice(start, start + self._batch_size) for start in starts]
        return [score for part in slices for score in self._score(images[part], texts[part])]

    def _score(self, images: Sequence[Image], texts: Sequence[str]) -> list[float]:
        import torch

        from lightning_compose.metrics.clip_score import clip_scores

        with torch.inference_mode():
            return clip_scores(self._clip.model, self._clip.pixels(images), self._clip.tokens(texts)).tolist()
