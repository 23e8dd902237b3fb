"""A backbone whose encoders were left out: it trains on a feature cache, and says what it cannot do."""

import shutil
from pathlib import Path

import pytest
import torch
from families import load_backbone, on_both_families

import lightning_compose
from lightning_compose.backbones import StableDiffusion
from lightning_compose.module import ComposeModule

ASSETS = Path(lightning_compose.__file__).parent / "assets/shapes"


@pytest.fixture(scope="module")
def backbones(pipeline):
    return [load_backbone(pipeline, encoders=encoders) for encoders in (True, False)]


@on_both_families
def test_only_the_denoiser_is_in_memory(backbones):
    whole, light = backbones
    assert [name for name, _ in light.named_children()] == [whole.trained_name]
    for ours, theirs in zip(whole.trained.parameters(), light.trained.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@on_both_families
def test_it_says_the_same_of_itself(backbones):
    whole, light = backbones
    assert light.encoder_identity() == whole.encoder_identity()
    assert light.component_configs() == whole.component_configs()
    assert (light.latent_channels, light.pooled_width) == (whole.latent_channels, whole.pooled_width)
    assert light.latent_shape(16, 32) == whole.latent_shape(16, 32)


@on_both_families
def test_what_needs_encoders_says_so(backbones):
    light = backbones[1]
    tokens = light.tokenize(["a cat"], [()], 1)
    calls = (
        light.pipeline,
        lambda: light.encode_text(tokens),
        lambda: light.image_moments(torch.zeros(1, 3, 16, 16)),
    )
    for call in calls:
        with pytest.raises(ValueError, match=r"Set --model.backbone.init_args.encoders=true"):
            call()


@on_both_families
def test_checkpoints_fit_both_ways(backbones):
    whole, light = (ComposeModule(each) for each in backbones)
    for source, target in ((whole, light), (light, whole)):
        checkpoint = {"state_dict": source.state_dict()}
        source.on_save_checkpoint(checkpoint)
        target.on_load_checkpoint(checkpoint)
        target.load_state_dict(checkpoint["state_dict"])


@on_both_families
def test_a_checkpoint_of_another_vae_is_refused_all_the_same(backbones):
    module = ComposeModule(backbones[1])
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    checkpoint["component_configs"]["vae"]["latent_channels"] = 16
    with pytest.raises(ValueError, match=r"`vae.latent_channels` to be 16"):
        module.on_load_checkpoint(checkpoint)


@on_both_families
def test_its_identity_follows_the_weights(pipeline, tmp_path, backbones):
    folder = shutil.copytree(pipeline, tmp_path / "other")
    file = folder / "vae/diffusion_pytorch_model.safetensors"
    data = bytearray(file.read_bytes())
    data[-4:] = b"\x00\x00\x00\x3f"
    file.write_bytes(data)
    other, same = (
        load_backbone(folder, encoders=False).encoder_identity(),
        backbones[0].encoder_identity(),
    )
    assert other["vae"].pop("weights") != same["vae"].pop("weights")
    assert other["vae"] == same["vae"]
    assert other["text_encoder"] == same["text_encoder"]


def test_random_weights_are_known_by_their_seed(tmp_path):
    folder = shutil.copytree(ASSETS, tmp_path / "shapes")
    (folder / "text_encoder/model.safetensors").unlink()
    identities = [StableDiffusion(config=str(folder), seed=seed, encoders=False).encoder_identity() for seed in (0, 1)]
    assert identities[0]["text_encoder"]["weights"] != identities[1]["text_encoder"]["weights"]
    assert identities[0]["vae"] == identities[1]["vae"]
