"""The averaged weights from the command line: trained with, measured, drawn, exported, and switched off again."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import UNet2DConditionModel
from PIL import Image

from lightning_compose.backbones import StableDiffusion
from lightning_compose.callbacks.ema import saved_average
from lightning_compose.cli import main
from lightning_compose.inference import load_weights
from lightning_compose.module import ComposeModule

LAST = Path("runs/tiny/checkpoints/last.ckpt")
LOSSES = {"losses": {"distance": {"class_path": "extra_losses.AbsoluteError"}}}
LEARNING = {"optimizer": {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.05}}}


@pytest.fixture(scope="module")
def first_run(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("averaged") / "run"


@pytest.fixture
def arguments(config, write_config, first_run) -> list[str]:
    """The arguments of a run of two steps with an average, which is there."""
    overlay = write_config({"model": LEARNING, "ema": {"decay": 0.9}, **LOSSES}, "overlay.yaml")
    arguments = ["--config", config, "--config", overlay, "--run_dir", "runs/tiny"]
    if first_run.exists():
        shutil.copytree(first_run, "runs/tiny", symlinks=True)
    else:
        main(["fit", *arguments, "--trainer.max_steps=2", "--trainer.val_check_interval=2"])
        shutil.copytree("runs/tiny", first_run, symlinks=True)
    return arguments


def measured(command: str, version: int = 0) -> str:
    return Path(f"runs/tiny/{command}/version_{version}/metrics.csv").read_text().splitlines()[1]


def state() -> tuple[dict, dict]:
    """The trained weights of the last checkpoint, and the averaged ones."""
    checkpoint = torch.load(LAST, weights_only=True)
    return checkpoint["state_dict"], saved_average(checkpoint)


def test_fit_averages_the_denoiser_and_the_heads(arguments):
    trained, averaged = state()
    assert averaged.keys() == trained.keys()
    assert {name.split(".")[0] for name in averaged} == {"backbone", "heads"}
    assert all(not torch.equal(averaged[name], trained[name]) for name in averaged if name.endswith("conv_out.weight"))
    assert "ema:\n  decay: 0.9" in Path("runs/tiny/config.yaml").read_text()


def test_validate_measures_the_average_unless_told_otherwise(arguments, caplog, shards):
    # The run's own configuration: whether and how it averages does not matter to its checkpoint.
    validate = ["validate", *arguments, "--ckpt_path", "last", "--ema.decay", "0"]
    with caplog.at_level("INFO"):
        for extra in ([], ["--weights", "average"], ["--weights", "trained"]):
            main([*validate, *extra])
        main(["test", *arguments, "--ckpt_path", "last", "--data.test_root", str(shards), "--weights", "trained"])
    default, average, trained = (measured("validate", version) for version in range(3))
    assert default == average
    assert default != trained
    said = [each.split(";")[0] for each in caplog.messages if each.startswith("Using the ")]
    assert said[:2] == [f"Using the averaged weights of {LAST}"] * 2
    assert said[2:] == [f"Using the weights of the last step of {LAST}"] * 2


def test_predict_and_export_take_the_average_unless_told_otherwise(arguments):
    Path("prompts.txt").write_text("a red circle\n")
    predict = ["predict", *arguments, "--prompts", "prompts.txt", "--num_inference_steps", "3"]
    export = ["export", *arguments, "--ckpt_path", "last"]
    for name, extra in {"default": [], "average": ["--weights=average"], "trained": ["--weights=trained"]}.items():
        main([*predict, "--ckpt_path", "last", "--out", name, *extra])
        main([*export, "--out", f"{name}_folder", *extra])
    main([*predict, "--model.backbone.pretrained", "average_folder", "--out", "again"])
    images = {name: np.asarray(Image.open(f"{name}/00000.png")) for name in ("default", "average", "trained", "again")}
    assert np.array_equal(images["default"], images["average"])
    assert np.array_equal(images["default"], images["again"])
    assert not np.array_equal(images["default"], images["trained"])
    for folder, weights in zip(("trained_folder", "default_folder"), state(), strict=True):
        unet = UNet2DConditionModel.from_pretrained(folder, subfolder="unet").state_dict()
        assert all(torch.equal(unet[name], weights[f"backbone.unet.{name}"]) for name in unet)


def test_from_python_the_average_is_loaded_likewise(arguments, tiny_pipeline):
    module = ComposeModule(StableDiffusion(str(tiny_pipeline)))
    name = "backbone.unet.conv_out.weight"
    for weights, content in (("trained", state()[0]), ("average", state()[1]), (None, state()[1])):
        load_weights(module, LAST, weights)
        assert torch.equal(module.state_dict()[name], content[name])


def test_it_is_switched_off_and_on_again(arguments, caplog):
    resume = ["fit", *arguments, "--ckpt_path", "last"]
    with caplog.at_level("INFO"):
        main([*resume, "--trainer.max_steps=3", "--ema.decay=0"])
        assert state()[1] == {}
        main([*resume, "--trainer.max_steps=4"])
    assert state()[1].keys() == state()[0].keys()
    assert "averaged weights are dropped" in caplog.text
    assert "the average starts from its trained ones" in caplog.text


@pytest.mark.parametrize(
    ("command", "arguments"),
    [
        ("validate", ["--ckpt_path", "plain.ckpt"]),
        ("validate", []),
        ("export", ["--ckpt_path", "plain.ckpt", "--out", "out"]),
        ("export", ["--out", "out"]),
    ],
)
def test_an_average_that_is_not_there_is_one_line(config, tiny_pipeline, capsys, command, arguments):
    module = ComposeModule(StableDiffusion(str(tiny_pipeline)))
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    torch.save(checkpoint, "plain.ckpt")
    with pytest.raises(SystemExit) as exit_:
        main([command, "--config", config, "--weights", "average", *arguments])
    assert exit_.value.code == 2
    place = "plain.ckpt" if "--ckpt_path" in arguments else "the pretrained model"
    message = f"error: Expected averaged weights, because of --weights average, got none in {place}. Leave --weights"
    assert capsys.readouterr().err.splitlines()[-1].startswith(message)
    assert not Path("out").exists()
