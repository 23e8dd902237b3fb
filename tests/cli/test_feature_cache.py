"""`shards cache`, and the commands that then do without the encoders."""

import fcntl
import json
import pickle
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from lightning_compose.cli import main
from lightning_compose.cli.feature_cache import EncoderRecipe
from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.shards import ShardSet

WITHOUT_ENCODERS = "--model.backbone.init_args.encoders=false"


def refusal(capsys, *argv):
    with pytest.raises(SystemExit) as caught:
        main([str(each) for each in argv])
    assert caught.value.code == 2
    return capsys.readouterr().err.strip().splitlines()[-1]


@pytest.fixture(scope="module")
def cache(shards, tiny_pipeline, tmp_path_factory):
    folder = tmp_path_factory.mktemp("caches") / "features"
    model = ["--model.backbone", "StableDiffusion", "--model.backbone.pretrained", str(tiny_pipeline)]
    main(["shards", "cache", str(shards), *model, "--data.size_px", "16", "--out", str(folder)])
    return folder


@pytest.fixture
def on_the_cache(cache):
    return ["--data.cache", str(cache), WITHOUT_ENCODERS]


def test_it_is_made_once_with_a_progress_bar(shards, config, capsys):
    command = ["shards", "cache", str(shards), "--config", config, "--out", "features", "--batch_size", "16"]
    main(command)
    out, progress = capsys.readouterr()
    assert out == "Cached the features of 24 samples in features.\n"
    assert "24/24" in progress
    written = Path("features/index.json").stat().st_mtime_ns
    main(command)
    assert Path("features/index.json").stat().st_mtime_ns == written
    assert len(FeatureCache("features")) == len(ShardSet(shards)) == 24


def test_encoders_left_out_of_the_config_are_loaded_for_it(shards, config):
    flags = ["--model.backbone.init_args.encoders=false", "--data.size_px", "32"]
    main(["shards", "cache", str(shards), "--config", config, "--out", "features", *flags])
    assert FeatureCache("features").identity["size_px"] == 32
    assert "vae" in FeatureCache("features").identity["model"]


def test_fit_validate_and_test_do_without_the_encoders(shards, config, cache, on_the_cache, capsys, caplog):
    pictures = ("--pictures.prompts", "[a cat]", "--pictures.num_inference_steps", "1")
    main(["fit", "--config", config, *on_the_cache, *pictures, "--run_dir", "run"])
    assert "No pictures of samples: drawing needs the encoders" in caplog.text
    out, err = capsys.readouterr()
    assert "No picture of reconstructions: the features of a cache stand for the images." in out.splitlines()
    assert ".py:" not in err
    assert [path.name for path in Path("run/pictures").iterdir()] == ["attention-000003.png"]
    main(["validate", "--config", "run/config.yaml", "--run_dir", "run", "--ckpt_path", "last"])
    on_the_test_set = ("--data.test_root", str(shards), "--data.test_cache", str(cache))
    main(["test", "--config", "run/config.yaml", "--run_dir", "run", "--ckpt_path", "last", *on_the_test_set])


def test_a_run_goes_on_with_and_without_the_cache(config, on_the_cache):
    main(["fit", "--config", config, "--run_dir", "run", "--trainer.max_steps", "1"])
    main(
        [
            "fit",
            "--config",
            config,
            "--run_dir",
            "run",
            "--trainer.max_steps",
            "2",
            "--ckpt_path",
            "last",
            *on_the_cache,
        ]
    )
    main(["fit", "--config", config, "--run_dir", "run", "--trainer.max_steps", "3", "--ckpt_path", "last"])
    assert Path("run/checkpoints/step=000003.ckpt").exists()


def test_drawing_needs_the_encoders_and_says_how_to_get_them(config, on_the_cache, capsys):
    main(["fit", "--config", config, *on_the_cache, "--run_dir", "run"])
    export = ["export", "--config", "run/config.yaml", "--run_dir", "run", "--ckpt_path", "last", "--out", "model"]
    assert "Set --model.backbone.init_args.encoders=true" in refusal(capsys, *export)
    main([*export, "--model.backbone.init_args.encoders=true"])
    assert {"vae", "text_encoder"} <= {path.name for path in Path("model").iterdir()}


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--data.size_px", "32"], "`size_px` was 16 when it was cached and is 32 now"),
        (["--data.crop", "random"], "holds every image once, got crop='random'"),
        (["--data.root", "other"], "`source` was"),
    ],
)
def test_fit_refuses_what_does_not_fit_and_leaves_no_run(shards, config, on_the_cache, capsys, flags, message):
    Path("other").mkdir()
    for path in shards.rglob("*"):
        if path.is_file():
            target = Path("other") / path.relative_to(shards)
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(path.read_bytes())
    index = json.loads(Path("other/index.json").read_text())
    index["shards"][0]["sha256"] = "0" * 64
    Path("other/index.json").write_text(json.dumps(index))
    assert message in refusal(capsys, "fit", "--config", config, "--run_dir", "run", *on_the_cache, *flags)
    assert not Path("run/config.yaml").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--processes", "0"], "at least 1, got '0'"),
        (["--data.size_px", "17"], "multiples of"),
        (["--data.sise_px", "16"], "Did you mean 'data.size_px'?"),
        (["--config", "nowhere.yaml"], "found no file 'nowhere.yaml'"),
    ],
)
def test_mistakes_are_told_in_one_line(shards, config, capsys, arguments, message):
    assert message in refusal(capsys, "shards", "cache", shards, "--config", config, "--out", "features", *arguments)


def test_the_sets_own_folder_is_no_cache(shards, config, capsys):
    before = sorted(shards.rglob("*"))
    error = refusal(capsys, "shards", "cache", shards, "--config", config, "--out", shards)
    assert error.startswith("error: Expected --out to lie outside of the set's folder")
    assert sorted(shards.rglob("*")) == before


def test_an_error_points_to_the_help_of_its_command(shards, config, capsys):
    flags = ("--data.sise_px", "16", "--out", "features")
    error = refusal(capsys, "shards", "cache", shards, "--config", config, *flags)
    assert error.endswith("(see python -m lightning_compose shards cache --help)")


def test_a_remote_set_goes_where_the_config_says(shards, write_config, tiny_pipeline, monkeypatch):
    model = {"backbone": {"class_path": "StableDiffusion", "init_args": {"pretrained": str(tiny_pipeline)}}}
    monkeypatch.setenv("LIGHTNING_COMPOSE_DOWNLOADS", "elsewhere")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(shards)))
    config = write_config({"model": model, "data": {"size_px": 16, "download_dir": "downloads"}})
    with server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        limit = ("--data.download_limit_gb", "1")
        main(["shards", "cache", url, "--config", config, "--out", "features", *limit])
        server.shutdown()
    assert len(FeatureCache("features")) == 24
    assert any(path.is_file() for path in Path("downloads").rglob("*"))
    assert not Path("elsewhere").exists()


def test_other_commands_take_no_keys(shards, capsys):
    assert "unrecognized arguments: --data.size_px 16" in refusal(
        capsys, "shards", "show", shards, "--data.size_px", "16"
    )


def test_one_command_at_a_time_fills_a_cache(shards, config, capsys):
    Path("features").mkdir()
    holds = f"import fcntl; file = open('features/.lock', 'a'); fcntl.lockf(file, {fcntl.LOCK_EX}); print(); input()"
    with subprocess.Popen([sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        error = refusal(capsys, "shards", "cache", shards, "--config", config, "--out", "features")
        process.communicate(b"\n")
    assert "another process is filling" in error


def test_a_recipe_crosses_to_another_process(config):
    recipe = pickle.loads(pickle.dumps(EncoderRecipe(("--config", config), "cpu")))
    assert recipe(1).backbone.encoders


@pytest.mark.slow  # Each process imports torch, diffusers and Lightning anew.
def test_two_processes_share_the_shards(shards, config):
    main(["shards", "cache", str(shards), "--config", config, "--out", "features", "--processes", "2"])
    assert len(FeatureCache("features")) == 24
