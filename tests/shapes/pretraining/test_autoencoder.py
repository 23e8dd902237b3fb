"""The autoencoder's recipe on two or three steps: losses, resume, what it writes."""

import csv
import json

import pytest
import torch
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from PIL import Image
from safetensors.torch import load_file

from lightning_compose.shapes.pretraining.autoencoder import AutoencoderRun, Recipe, loss_terms, main, train


def test_loss_terms_equal_their_formulas():
    decoded, pixels = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    pixels[..., 2:] = -0.5
    unit = DiagonalGaussianDistribution(torch.zeros(1, 8, 1, 1))
    terms = {name: term.item() for name, term in loss_terms(decoded, pixels, unit).items()}
    # One of three horizontal neighbours differs, by 1; no vertical one does.
    assert terms == pytest.approx({"l1": 0.5, "l2": 0.25, "edge": 1 / 3, "kl": 0.0})


def test_divergence_is_that_of_gaussians():
    parameters = torch.linspace(-2, 2, 8).view(1, 8, 1, 1)
    posterior = DiagonalGaussianDistribution(parameters)
    image = torch.zeros(1, 3, 4, 4)
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(posterior.mean, posterior.std), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(loss_terms(image, image, posterior)["kl"], expected.mean())


def test_resumed_run_ends_as_a_straight_one(tmp_path):
    straight, cut = (Recipe(tmp_path / name, steps=3, batch_size=2, held_out_images=16) for name in ("straight", "cut"))
    expected = train(straight).state_dict()
    cut.out.mkdir()
    run = AutoencoderRun(cut)
    run.advance(0)
    run.save()
    resumed = train(cut).state_dict()
    assert all(torch.equal(resumed[name], expected[name]) for name in expected)
    assert (cut.out / "log.csv").read_text() == (straight.out / "log.csv").read_text()


def test_command_writes_float16_weights_scaling_factor_log_and_picture(tmp_path):
    main(["--out", str(tmp_path), "--steps", "1", "--batch_size", "2", "--seed", "3"])
    weights = load_file(tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    assert {each.dtype for each in weights.values()} == {torch.float16}
    with (tmp_path / "log.csv").open() as file:
        last = list(csv.DictReader(file))[-1]
    config = json.loads((tmp_path / "vae" / "config.json").read_text())
    assert last["step"] == "1"
    assert config["scaling_factor"] == pytest.approx(1 / float(last["latent_std"]), rel=1e-3)
    assert Image.open(tmp_path / "autoencoder.png").size == (8 * 64 * 3, 4 * 64 * 3)
