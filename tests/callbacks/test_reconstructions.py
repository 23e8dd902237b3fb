"""Reconstructions: the autoencoder's round trip, drawn once."""

import numpy as np
import pytest
import torch
from batches import pair_batch
from PIL import Image

from lightning_compose.callbacks.reconstructions import Reconstructions, reconstruct


def test_one_picture_of_the_first_batch(train, tmp_path):
    train(2, [Reconstructions(images=2)])
    picture = np.asarray(Image.open(tmp_path / "pictures/reconstructions.png"))
    original = pair_batch([0]).positive[0].permute(1, 2, 0).numpy().repeat(10, 0).repeat(10, 1)
    assert np.array_equal(picture[6:166, 6:166], original)
    assert not np.array_equal(picture[6:166, 172:332], original)


def test_it_is_the_decoders_answer_to_the_encoders_mean(module):
    images = pair_batch([0, 1]).positive
    vae = module.backbone.vae
    with torch.no_grad():
        expected = vae.decode(vae.encode(images / 127.5 - 1).latent_dist.mean).sample
    assert torch.equal(reconstruct(vae, images), ((expected.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8))


def test_none_are_drawn_on_request(train, tmp_path):
    train(1, [Reconstructions(images=0)])
    assert not (tmp_path / "pictures").exists()


def test_a_negative_number_is_refused():
    with pytest.raises(ValueError, match="`images` to be at least 0"):
        Reconstructions(-1)
