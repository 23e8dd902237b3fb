"""CLIPScore of images and texts, a batch after another."""

import pytest
import torch
from PIL import Image
from tiny_clip import save_tiny_clip

from lightning_compose.evaluation.clip import Clip
from lightning_compose.metrics.clip_score import clip_scores
from lightning_compose.prepare.models.clip_scorer import ClipScorer


def test_scores_are_those_of_the_metric(tmp_path):
    folder = str(save_tiny_clip(tmp_path / "clip"))
    images = [Image.new("RGB", (20, 20), color) for color in ("red", "lime", "blue")]
    texts = ["a red ring", "a", "blue"]
    clip = Clip(folder)
    pairs = zip(images, texts, strict=True)
    with torch.inference_mode():
        singles = [clip_scores(clip.model, clip.pixels([i]), clip.tokens([t])).item() for i, t in pairs]
    scorer = ClipScorer(folder, batch_size=2)
    assert scorer.score(images, texts) == pytest.approx(singles, abs=1e-3)
    assert len(set(singles)) == 3
    assert scorer.score([], []) == []
