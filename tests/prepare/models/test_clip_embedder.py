"""Unit vectors of images by a CLIP."""

import numpy as np
from PIL import Image
from tiny_clip import save_tiny_clip

from lightning_compose.prepare.models.clip_embedder import ClipEmbedder


def test_vectors_have_length_one_and_do_not_depend_on_the_batch(tmp_path):
    folder = str(save_tiny_clip(tmp_path / "clip"))
    images = [Image.new("RGB", (20, 16), color) for color in ("red", "lime", "red")]
    vectors = ClipEmbedder(folder, batch_size=2).embed(images)
    assert (vectors.shape, vectors.dtype) == ((3, 8), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
    assert vectors[0] @ vectors[1] < 0.999
