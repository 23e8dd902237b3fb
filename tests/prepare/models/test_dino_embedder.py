"""Unit vectors of images by a DINOv2: a tiny one with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import BitImageProcessorPil, Dinov2Config, Dinov2Model

from lightning_compose.prepare.models.dino_embedder import DinoEmbedder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dino")
    config = Dinov2Config(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, image_size=28, patch_size=14)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        Dinov2Model(config).save_pretrained(folder)
    size = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    BitImageProcessorPil(**size).save_pretrained(folder)
    return str(folder)


def picture(*columns):
    """Of columns of colours, 40 px wide each."""
    image = Image.new("RGB", (40 * len(columns), 40))
    for index, color in enumerate(columns):
        image.paste(color, (40 * index, 0, 40 * index + 40, 40))
    return image


def test_vectors_have_length_one_and_do_not_depend_on_the_batch(folder):
    images = [picture("red"), picture("lime"), picture("red")]
    vectors = DinoEmbedder(folder, batch_size=2).embed(images)
    assert (vectors.shape, vectors.dtype) == ((3, 8), np.float32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(vectors[0], vectors[2], atol=1e-5)
    assert vectors[0] @ vectors[1] < 0.999


def test_the_folder_says_what_of_an_image_is_seen(folder):
    wide, square = DinoEmbedder(folder).embed([picture("blue", "red", "red", "red", "blue"), picture("red")])
    np.testing.assert_allclose(wide, square, atol=1e-4)


def test_its_name_is_that_of_the_weights_or_one_of_its_own(folder):
    assert DinoEmbedder(folder).name == Path(folder).name
    assert DinoEmbedder(folder, name="mine").name == "mine"
