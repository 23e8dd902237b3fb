"""predict and export: a checkpoint in, images or a diffusers folder out, no data anywhere."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline, StableDiffusion3Pipeline, StableDiffusionPipeline
from families import load_backbone, on_both_families
from PIL import Image
from safetensors.torch import load_file

from lightning_compose.cli import main

STEPS = ["--num_inference_steps", "3"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory, pipeline) -> Path:
    """A folder with a run in it: weights of the denoiser that differ from those of the config."""
    from lightning_compose.module import ComposeModule

    folder = tmp_path_factory.mktemp("trained")
    module = ComposeModule(load_backbone(pipeline))
    with torch.no_grad():
        for parameter in module.backbone.trained.parameters():
            parameter.mul_(1.1)
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    (folder / "runs/tiny/checkpoints").mkdir(parents=True)
    torch.save(checkpoint, folder / "runs/tiny/checkpoints/last.ckpt")
    return folder


@pytest.fixture
def arguments(config, trained, write_config) -> list[str]:
    """The training config with data that are not there: nothing here may open them."""
    overlay = write_config({"data": {"root": "/nowhere"}, "losses": {"a": {"class_path": "no.Such"}}}, "overlay.yaml")
    return ["--config", config, "--config", overlay, "--run_dir", str(trained / "runs/tiny")]


def image(file: str | Path) -> np.ndarray:
    return np.asarray(Image.open(file))


def test_other_keys_of_a_prompt_go_into_the_manifest(arguments):
    Path("prompts.jsonl").write_text(
        '{"prompt": "a", "seed": 3, "category": "color", "questions": [1], "file": "no"}\n'
    )
    main(["predict", *arguments, "--ckpt_path", "last", "--prompts", "prompts.jsonl", "--out", "out", *STEPS])
    (row,) = map(json.loads, Path("out/manifest.jsonl").read_text().splitlines())
    assert (row["prompt"], row["seed"], row["category"], row["questions"]) == ("a", 3, "color", [1])
    assert row["file"] == "00000.png", "what predict says wins"


@on_both_families
def test_predict_and_the_exported_pipeline_give_the_same_images(arguments):
    Path("prompts.jsonl").write_text('{"prompt": "a red circle", "seed": 7}\n\n{"prompt": "two squares"}\n')
    sizes = ["--height_px", "16", "--width_px", "24", "--guidance_scale", "3", "--seed", "40"]
    main(["predict", *arguments, "--ckpt_path", "last", "--prompts", "prompts.jsonl", "--out", "out", *STEPS, *sizes])
    main(["export", *arguments, "--ckpt_path", "last", "--out", "exported"])
    rows = [json.loads(line) for line in Path("out/manifest.jsonl").read_text().splitlines()]
    assert [(row["file"], row["prompt"], row["seed"]) for row in rows] == [
        ("00000.png", "a red circle", 7),
        ("00001.png", "two squares", 41),
    ]
    pipeline = DiffusionPipeline.from_pretrained("exported")
    for row in rows:
        generator = torch.Generator().manual_seed(row["seed"])
        settings = {"num_inference_steps": row["num_inference_steps"], "guidance_scale": row["guidance_scale"]}
        sizes = {"height": row["height_px"], "width": row["width_px"]}
        again = pipeline(row["prompt"], generator=generator, **settings, **sizes).images[0]
        # One at a time here, two at a time there: kernels round differently.
        assert np.abs(image(f"out/{row['file']}").astype(int) - np.asarray(again)).max() <= 1


def test_without_a_checkpoint_the_weights_are_the_configs(arguments, tiny_pipeline):
    Path("prompts.txt").write_text("a red circle\n")
    for name, extra in (("base", []), ("trained", ["--ckpt_path", "last"])):
        main(["predict", *arguments, *extra, "--prompts", "prompts.txt", "--out", name, *STEPS])
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_pipeline, safety_checker=None)
    again = pipeline("a red circle", generator=torch.Generator().manual_seed(0), num_inference_steps=3).images[0]
    assert np.array_equal(image("base/00000.png"), np.asarray(again))
    assert not np.array_equal(image("base/00000.png"), image("trained/00000.png"))


@on_both_families
def test_an_exported_folder_is_a_backbone(arguments):
    main(["export", *arguments, "--ckpt_path", "last", "--out", "exported"])
    Path("prompts.txt").write_text("a red circle\n")
    predict = ["predict", *arguments, "--prompts", "prompts.txt", *STEPS]
    main([*predict, "--ckpt_path", "last", "--out", "checkpoint"])
    main([*predict, "--model.backbone.pretrained", "exported", "--out", "exported_images"])
    assert np.array_equal(image("checkpoint/00000.png"), image("exported_images/00000.png"))


def test_export_writes_the_weights_in_the_type_asked_for(arguments):
    main(["export", *arguments, "--dtype", "float16", "--out", "half"])
    main(["export", *arguments, "--out", "whole"])
    half, whole = (load_file(f"{folder}/unet/diffusion_pytorch_model.safetensors") for folder in ("half", "whole"))
    assert {each.dtype for each in half.values()} == {torch.float16}
    for name, weight in whole.items():
        assert torch.equal(half[name], weight.half())


@on_both_families
def test_diffusers_draws_from_a_folder_of_half_the_bytes_without_being_told(arguments):
    main(["export", *arguments, "--dtype", "float16", "--out", "half"])
    pipeline = DiffusionPipeline.from_pretrained("half")
    models = [each for each in pipeline.components.values() if isinstance(each, torch.nn.Module)]
    assert {each.dtype for each in models} == {torch.float32}
    assert pipeline("a red circle", num_inference_steps=1, guidance_scale=3.0).images
    files = list(Path("half").glob("*/*.safetensors"))
    assert len(files) == len(models)
    assert all(each.dtype == torch.float16 for file in files for each in load_file(file).values())


@pytest.mark.parametrize("pipeline", ["tiny_sd3_pipeline"], indirect=True)
@pytest.mark.parametrize(
    ("settings", "absent", "length"),
    [
        ({}, "", ""),
        ({"t5": "false"}, ", text_encoder_3=None, tokenizer_3=None", ""),
        ({"t5_tokens": "16"}, "", ", max_sequence_length=16"),
        (
            {"t5": "false", "t5_tokens": "16"},
            ", text_encoder_3=None, tokenizer_3=None",
            ", max_sequence_length=16",
        ),
    ],
)
def test_export_prints_what_reads_the_folder_where_diffusers_has_to_be_told(
    arguments, capsys, settings, absent, length
):
    flags = [f"--model.backbone.init_args.{name}={value}" for name, value in settings.items()]
    main(["export", *arguments, *flags, "--out", "exported"])
    first, second = capsys.readouterr().out.splitlines()[-2:]
    assert first == f"pipeline = StableDiffusion3Pipeline.from_pretrained('exported'{absent})"
    assert second == f"pipeline('...'{length}, num_inference_steps=50, guidance_scale=7.5)"
    names = {"StableDiffusion3Pipeline": StableDiffusion3Pipeline}
    exec(first, names)
    Path("prompts.txt").write_text("a red circle\n")
    main(["predict", *arguments, *flags, "--prompts", "prompts.txt", "--out", "out"])
    call = second.replace("'...'", "'a red circle', generator=generator")
    drawn = eval(call, names | {"generator": torch.Generator().manual_seed(0)}).images[0]
    assert np.array_equal(image("out/00000.png"), np.asarray(drawn))


def test_export_says_no_more_where_diffusers_knows_all(arguments, capsys):
    main(["export", *arguments, "--out", "exported"])
    assert capsys.readouterr().out.splitlines()[-1] == "Wrote a diffusers folder to exported"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        (["--out", "out"], "Expected a value for prompts, got none. Set --prompts."),
        (["--prompts", "none.txt", "--out", "out"], "found no file 'none.txt'"),
        (["--prompts", "p.txt", "--out", "out", "--ckpt_path", "none.ckpt"], "found no file 'none.ckpt'"),
        (["--prompts", "p.txt", "--out", "out", "--ckpt_path", "http://a/b"], "got the URL"),
        (["--prompts", "p.txt", "--out", "out", "--ckpt_path", "empty.ckpt"], "to be a checkpoint of the model in"),
        (["--prompts", "p.txt", "--out", "out", "--ckpt_path", "text.ckpt"], "Expected a checkpoint as fit writes it"),
        (["--prompts", "p.txt", "--out", "out", "--ckpt_path", "cut.ckpt"], "Expected a checkpoint as fit writes it"),
        (["--prompts", "p.txt", "--out", "out", "--ckpt_path", "wide.ckpt"], "`unet.block_out_channels` to be [8, 32]"),
        (
            ["--prompts", "p.txt", "--out", "out", "--num_inference_steps", "0"],
            "`num_inference_steps` to be at least 1",
        ),
        (["--prompts", "latin.txt", "--out", "out"], "Expected 'latin.txt' to be text in UTF-8"),
        (["--prompts", "p.txt", "--out", "out", "--num_inference_step", "3"], "Did you mean 'num_inference_steps'?"),
    ],
)
def test_a_mistake_is_one_line(arguments, trained, capsys, extra, message):
    Path("p.txt").write_text("a cat")
    Path("latin.txt").write_text("a caf\u00e9", encoding="latin-1")
    last = trained / "runs/tiny/checkpoints/last.ckpt"
    Path("cut.ckpt").write_bytes(last.read_bytes()[:5000])
    wide = torch.load(last, weights_only=True)
    wide["component_configs"]["unet"]["block_out_channels"] = [8, 32]
    torch.save(wide, "wide.ckpt")
    Path("text.ckpt").write_text("no checkpoint")
    torch.save({}, "empty.ckpt")
    with pytest.raises(SystemExit) as exit_:
        main(["predict", *arguments, *extra])
    assert exit_.value.code == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith("error: ")
    assert message in line


def test_an_unknown_section_is_an_error(arguments, write_config, capsys):
    overlay = write_config({"modle": {"seed": 1}}, "wrong.yaml")
    with pytest.raises(SystemExit):
        main(["export", *arguments, "--config", overlay, "--out", "exported"])
    assert "got 'modle" in capsys.readouterr().err


def test_heads_of_losses_are_left_out(arguments, trained):
    checkpoint = torch.load(trained / "runs/tiny/checkpoints/last.ckpt", weights_only=True)
    checkpoint["state_dict"]["heads.distance.weight"] = torch.ones(1)
    torch.save(checkpoint, "with_head.ckpt")
    main(["export", *arguments, "--ckpt_path", "with_head.ckpt", "--out", "exported"])
    assert Path("exported/model_index.json").is_file()


@on_both_families
def test_nothing_is_said_before_the_images(arguments):
    Path("prompts.txt").write_text("a red circle\n")
    predict = ["predict", *arguments, "--ckpt_path", "last", "--prompts", "prompts.txt", "--out", "out", *STEPS]
    code = f"from lightning_compose.cli import main\nmain({predict})"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == ""
    assert all(line.startswith("predict:") for line in result.stderr.splitlines() if line)
