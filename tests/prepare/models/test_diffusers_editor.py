"""Editing by InstructPix2Pix: a tiny one with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler, StableDiffusionInstructPix2PixPipeline, UNet2DConditionModel
from PIL import Image
from tiny_models import byte_tokenizer, tiny_text_encoder, tiny_unet, tiny_vae

from lightning_compose.prepare.models.diffusers_editor import DiffusersEditor

OPTIONS = {"num_inference_steps": 1, "image_guidance_scale": 1.5, "guidance_scale": 7.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pix2pix")
    tokenizer = byte_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        # The image's latents come beside the noise.
        unet = UNet2DConditionModel.from_config(tiny_unet().config, in_channels=8)
        pipeline = StableDiffusionInstructPix2PixPipeline(
            vae=tiny_vae(),
            text_encoder=tiny_text_encoder(tokenizer),
            tokenizer=tokenizer,
            unet=unet,
            scheduler=DDIMScheduler(clip_sample=False),
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
        )
    pipeline.save_pretrained(folder)
    return str(folder)


def test_edits_are_of_the_images_sizes_and_follow_their_seeds(folder):
    editor = DiffusersEditor(folder, batch_size=2, options=OPTIONS)
    image = Image.new("RGB", (16, 16), "red")
    first, other, again = editor.edit([image] * 3, ["change red to blue"] * 3, [1, 2, 1])
    assert [each.size for each in (first, other, again)] == [(16, 16)] * 3
    assert np.abs(np.asarray(first, dtype=int) - np.asarray(again, dtype=int)).max() <= 1
    assert np.asarray(first).tobytes() != np.asarray(other).tobytes()


def test_a_size_that_the_pipeline_does_not_have_is_given_back(folder):
    (edited,) = DiffusersEditor(folder, options=OPTIONS).edit([Image.new("RGB", (21, 18))], ["x"], [0])
    assert edited.size == (21, 18)


def test_its_name_is_that_of_the_weights_or_one_of_its_own(folder):
    assert DiffusersEditor(folder).name == Path(folder).name
    assert DiffusersEditor(folder, name="mine").name == "mine"
