"""The noisy latents of a batch, computed by hand."""

import pytest
import torch
from batches import pair_batch
from families import backbone_class, on_both_families

from lightning_compose.backbones import StableDiffusion
from lightning_compose.module import ComposeModule
from lightning_compose.needs import Needs

pytestmark = on_both_families


class Spy:
    """Keep what the module hands over to a backbone."""

    def encode_images(self, images, noise):
        latents = super().encode_images(images, noise)
        self.encoded.append((images, noise, latents))
        return latents

    def denoise(self, noisy, timesteps, text, needs, noisy_negative=None, readout=None):
        self.noisy_negative = noisy_negative
        return super().denoise(noisy, timesteps, text, needs, noisy_negative, readout)


@pytest.fixture
def spied_step(pipeline):
    def run(batch, **arguments):
        backbone = type("SpiedBackbone", (Spy, backbone_class(pipeline)), {})(pretrained=str(pipeline))
        backbone.encoded = []
        module = ComposeModule(backbone, **arguments)
        return backbone, module.denoising_step(batch, needs=Needs(features=("default",), negatives=True))

    return run


def shares(backbone, timesteps):
    """Shares of image and noise: of Ho et al., 2020, eq. 4, or of the straight way between them."""
    if isinstance(backbone, StableDiffusion):
        kept = backbone.noise_schedule.alphas_cumprod[timesteps].view(-1, 1, 1, 1)
        return kept.sqrt(), (1 - kept).sqrt()
    level = timesteps.view(-1, 1, 1, 1) / 1000
    return 1 - level, level


def by_hand(backbone, latents, noise, timesteps):
    of_image, of_noise = shares(backbone, timesteps)
    return of_image * latents + of_noise * noise


def test_both_images_are_encoded_and_noised_alike(spied_step):
    batch = pair_batch([0, 1])
    backbone, step = spied_step(batch)
    (positive, sampled_with, latents), (negative, negative_sampled_with, negative_latents) = backbone.encoded
    assert torch.equal(positive, batch.positive.float() / 127.5 - 1)
    assert torch.equal(negative, batch.negative.float() / 127.5 - 1)
    assert torch.equal(sampled_with, negative_sampled_with)
    torch.testing.assert_close(step.noisy, by_hand(backbone, latents, step.noise, step.timesteps))
    expected = by_hand(backbone, negative_latents, step.noise, step.timesteps)
    torch.testing.assert_close(backbone.noisy_negative, expected)


def test_own_noise_of_the_negatives_is_another_draw(spied_step):
    backbone, step = spied_step(pair_batch([0]), own_negative_noise=True)
    (_, moments, latents), (_, _, negative_latents) = backbone.encoded
    torch.testing.assert_close(step.noisy, by_hand(backbone, latents, step.noise, step.timesteps))
    of_image, of_noise = shares(backbone, step.timesteps)
    own = (backbone.noisy_negative - of_image * negative_latents) / of_noise
    assert not torch.allclose(own, step.noise, atol=0.1)
    assert not torch.allclose(own, moments, atol=0.1)


def test_the_noise_to_predict_is_not_the_one_that_samples_the_latents(spied_step):
    backbone, step = spied_step(pair_batch([0]))
    _, moments, _ = backbone.encoded[0]
    correlation = torch.corrcoef(torch.stack([moments.flatten(), step.noise.flatten()]))[0, 1]
    assert abs(correlation) < 0.3
