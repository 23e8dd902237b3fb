"""The pretrained base: diffusers reads it, it is small, and nothing of it lies there twice."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import load_file

import lightning_compose
from lightning_compose.backbones import StableDiffusion
from lightning_compose.inference import Prompt, generate
from lightning_compose.shapes.oracle.reader import read

ASSETS = Path(lightning_compose.__file__).parent / "assets"
FOLDER = ASSETS / "shapes-base"
MOST_BYTES = 25 * 2**20


@pytest.fixture(scope="module")
def backbone() -> StableDiffusion:
    return StableDiffusion(pretrained=str(FOLDER))


def test_diffusers_reads_it_and_draws_what_we_draw(backbone):
    prompt, seed = "a red circle on a sandy beach", 3
    pipeline = StableDiffusionPipeline.from_pretrained(FOLDER)
    pipeline.set_progress_bar_config(disable=True)
    noise = torch.Generator("cpu").manual_seed(seed)
    (theirs,) = pipeline(prompt, num_inference_steps=3, guidance_scale=3.0, generator=noise).images
    (ours,) = generate(backbone, [Prompt(prompt, seed)], num_inference_steps=3, guidance_scale=3.0)
    assert ours.size == theirs.size == (64, 64)
    assert ours.tobytes() == theirs.tobytes()


def test_all_that_ships_fits_into_25_mib():
    files = [file for folder in ("shapes", "shapes-base", "shapes-clip") for file in (ASSETS / folder).rglob("*")]
    assert sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink()) < MOST_BYTES


def test_autoencoder_and_text_encoder_are_those_of_its_own_training():
    for name in ("vae/diffusion_pytorch_model.safetensors", "text_encoder/model.safetensors"):
        assert (FOLDER / name).resolve() == (ASSETS / "shapes" / name).resolve()
    for name in ("unet", "vae", "text_encoder", "scheduler"):
        file = f"{name}/scheduler_config.json" if name == "scheduler" else f"{name}/config.json"
        ours, source = (json.loads((folder / file).read_text()) for folder in (FOLDER, ASSETS / "shapes"))
        assert {key: ours.get(key) for key in source if not key.startswith(("_", "transformers"))} == {
            key: value for key, value in source.items() if not key.startswith(("_", "transformers"))
        }


def test_its_unet_is_float16_and_no_path_of_a_machine_is_in_its_configs():
    weights = load_file(FOLDER / "unet/diffusion_pytorch_model.safetensors")
    assert {each.dtype for each in weights.values()} == {torch.float16}
    assert not [file for file in FOLDER.rglob("*config.json") if '"/' in file.read_text()]


def test_it_draws_the_background_that_a_prompt_names(backbone):
    prompts = {"sandy beach": "A red circle on a sandy beach.", "night sky": "A red circle in a night sky."}
    requests = [Prompt(text, seed) for seed, text in enumerate(prompts.values())]
    images = generate(backbone, requests, num_inference_steps=10, guidance_scale=3.0, batch_size=2)
    assert [read(np.asarray(image)).background for image in images] == list(prompts)
