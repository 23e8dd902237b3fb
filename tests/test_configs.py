"""Every config trains two steps, with tiny models and the embedded shards in place of what must be downloaded."""

from pathlib import Path

import pytest
import torch
import yaml
from diffusers import AutoencoderKL
from tiny_models import save_tiny_pipeline, save_tiny_sd3_pipeline

from lightning_compose.cli import main

ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / "configs").glob("*.yaml"))
PRETRAINING = sorted((ROOT / "configs/shapes-pretrain").glob("*.yaml"))
PREDICTION_TYPES = {
    "sd21-base": "epsilon",
    "sd21": "v_prediction",
    "tokencompose-sd14": "epsilon",
    "tokencompose-sd21": "v_prediction",
    "evogen-sd21": "epsilon",
}
TRANSFORMERS = ("evogen-sd3", "tokencompose-sd3")
EMBEDDED = ROOT / "data_shards/shapes"
TWO_STEPS = ["--trainer.max_steps", "2", "--trainer.accelerator", "cpu", "--trainer.log_every_n_steps", "1"]


@pytest.fixture
def replacements(tmp_path, monkeypatch) -> Path:
    """A file of what must be replaced in a test, in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "test.yaml"


def settings(config: Path) -> dict:
    return yaml.safe_load(config.read_text())


def replace_downloads(config: Path, file: Path) -> list[str]:
    """The config, with a tiny pipeline of the same family and the embedded shards; all else as it is."""
    if config.stem in PREDICTION_TYPES:
        pipeline = save_tiny_pipeline(file.parent / "tiny", PREDICTION_TYPES[config.stem])
        deep_autoencoder().save_pretrained(pipeline / "vae")
    elif config.stem in TRANSFORMERS:
        pipeline = save_tiny_sd3_pipeline(file.parent / "tiny")
        deep_autoencoder(latent_channels=8, shift_factor=0.06).save_pretrained(pipeline / "vae")
    else:
        return ["--config", str(config)]
    pretrained = {"model": {"backbone": {"init_args": {"pretrained": str(pipeline)}}}}
    file.write_text(yaml.safe_dump(pretrained))
    return ["--config", str(config), "--config", str(file), "--data.root", str(EMBEDDED)]


def deep_autoencoder(latent_channels: int = 4, shift_factor: float | None = None) -> AutoencoderKL:
    """One that makes small latents of full-size images: 512 px become 16."""
    widths = (4, 4, 4, 4, 4, 8)
    return AutoencoderKL(
        block_out_channels=widths,
        down_block_types=("DownEncoderBlock2D",) * len(widths),
        up_block_types=("UpDecoderBlock2D",) * len(widths),
        latent_channels=latent_channels,
        shift_factor=shift_factor,
        norm_num_groups=4,
    )


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stem)
def test_a_config_trains_two_steps_from_any_working_directory(config, replacements):
    arguments = replace_downloads(config, replacements)
    main(["fit", *arguments, *TWO_STEPS, "--run_dir", "run", "--pictures.num_inference_steps", "1"])
    checkpoint = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 2
    assert Path("run/pictures/samples-000002.png").is_file()
    assert Path("run/pictures/reconstructions.png").is_file()
    assert Path("run/loss_curve.png").is_file()
    assert Path("run/pictures/attention-000002.png").is_file()
    assert Path("run/loss_terms.png").is_file() == ("losses" in settings(config))
    saved = settings(Path("run/config.yaml"))
    for section in ("trainer", "data", "model"):
        assert set(settings(config)[section]) <= set(saved[section])


def test_the_pretraining_trains_two_steps_by_its_three_commands(replacements):
    config = ["--config", str(ROOT / "configs/shapes-pretrain/unet.yaml")]
    main(["shapes", "--out", "noisy", "--pairs", "200", "--seed", "1", "--noisy_captions"])
    encoders = "--model.backbone.init_args.encoders"
    main(["shards", "cache", "noisy", *config, encoders, "true", "--out", "features"])
    one_process = ["--trainer.devices", "1", "--trainer.strategy", "auto"]
    data = ["--data.root", "noisy", "--data.cache", "features", "--data.global_batch_size", "32"]
    main(["fit", *config, *data, *one_process, *TWO_STEPS, "--run_dir", "run"])
    checkpoint = torch.load("run/checkpoints/last.ckpt", weights_only=True)
    assert checkpoint["global_step"] == 2
    main(["export", *config, encoders, "true", "--ckpt_path", "last", "--run_dir", "run", "--out", "base"])
    assert Path("base/unet/diffusion_pytorch_model.safetensors").is_file()


@pytest.mark.parametrize("name", [*PREDICTION_TYPES, *TRANSFORMERS])
def test_data_root_is_mandatory_where_the_data_are_the_users(name, replacements, capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(ROOT / f"configs/{name}.yaml")])
    assert "Set --data.root." in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize("config", [*CONFIGS, *PRETRAINING], ids=lambda config: config.stem)
def test_every_line_has_its_reason(config):
    lines = config.read_text().splitlines()
    bare = [line for line in lines if ": " in line and "#" not in line and "class_path" not in line]
    assert not bare, "a setting without a comment"
