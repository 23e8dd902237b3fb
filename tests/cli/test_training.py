"""fit, validate and test, end to end on tiny models: what a user types, what the run's folder holds afterwards."""

import csv
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import lightning
import pytest
import torch
import yaml

from lightning_compose.backbones import Backbone
from lightning_compose.cli import main
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.module import ComposeModule

RUN = Path("runs/tiny")
COMPONENTS = ("unet", "vae", "text_encoder", "scheduler")
PICTURES = {"prompts": ["a red circle", "a square"], "every_n_steps": 2, "num_inference_steps": 2}


class Recorder(ComposeModule):
    """A subclass as a user would write it; remembers what it was trained with."""

    seen: ClassVar[list["Recorder"]] = []

    def on_fit_start(self) -> None:
        self.seen.append(self)


class Stopped(ComposeModule):
    def training_step(self, batch, batch_idx):
        raise RuntimeError("a bug")


def saved_config(run: Path = RUN) -> dict:
    return yaml.safe_load((run / "config.yaml").read_text())


def metrics(version: int, run: Path = RUN) -> list[dict[str, str]]:
    with (run / "csv" / f"version_{version}" / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def global_step(file: Path) -> int:
    return torch.load(file, weights_only=True)["global_step"]


def test_a_run_and_its_second_life_share_one_folder(config, write_config, capsys):
    extra = write_config({"pictures": PICTURES, "trainer": {"val_check_interval": 2}}, "extra.yaml")
    main(["fit", "--config", config, "--config", extra, "--run_dir", str(RUN)])
    assert global_step(RUN / "checkpoints/last.ckpt") == 3
    assert {each.name for each in (RUN / "pictures").iterdir()} == {
        "attention-000003.png",
        "reconstructions.png",
        "samples-000002.png",
        "samples-000003.png",
    }
    assert (RUN / "loss_curve.png").is_file()
    assert not (RUN / "loss_terms.png").exists(), "denoising is the only term"
    assert list((RUN / "tensorboard").glob("events*"))
    assert [row["step"] for row in metrics(0) if row["train/loss"]] == ["0", "1", "2"]
    assert [row["step"] for row in metrics(0) if row["val/loss"]] == ["1"], "intervals are in optimizer steps"

    capsys.readouterr()
    # The second life starts from the config that the first one saved.
    main(["fit", "--config", str(RUN / "config.yaml"), "--ckpt_path", "last", "--trainer.max_steps", "5"])
    assert "Going on from runs/tiny/checkpoints/last.ckpt" in capsys.readouterr().out
    assert [row["step"] for row in metrics(0) if row["train/loss"]] == ["0", "1", "2"], "nothing is lost"
    assert [row["step"] for row in metrics(1) if row["train/loss"]] == ["3", "4"]
    assert {each.name for each in (RUN / "checkpoints").iterdir()} == {"last.ckpt", "step=000005.ckpt"}
    assert global_step(RUN / "checkpoints/last.ckpt") == 5
    assert (RUN / "pictures/samples-000004.png").is_file()
    assert saved_config()["trainer"]["max_steps"] == 5
    assert saved_config()["ckpt_path"] is None


def test_a_new_run_sets_the_earlier_one_aside(config, capsys):
    main(["fit", "--config", config, "--trainer.max_steps", "2"])
    capsys.readouterr()
    main(["fit", "--config", config, "--trainer.max_steps", "1"])
    assert "runs/tiny/earlier-1" in capsys.readouterr().out
    assert global_step(RUN / "checkpoints/last.ckpt") == 1
    assert global_step(RUN / "earlier-1/checkpoints/last.ckpt") == 2
    assert len(metrics(0)) == 1


def test_last_starts_afresh_where_there_is_none(config, capsys):
    main(["fit", "--config", config, "--ckpt_path", "last", "--trainer.max_steps", "1"])
    assert "Starting afresh: no checkpoint in runs/tiny/checkpoints" in capsys.readouterr().out
    assert global_step(RUN / "checkpoints/last.ckpt") == 1


def test_one_argument_of_one_loss_changes_and_the_rest_stays(config, write_config):
    losses = {
        "distance": {"class_path": "extra_losses.AbsoluteError", "init_args": {"weight": 0.1, "power": 2.0}},
        "nothing": {"class_path": "extra_losses.Constant"},
    }
    base = write_config({"losses": losses}, "losses.yaml")
    overlay = write_config({"losses": {"distance": {"init_args": {"power": 3.0}}}}, "overlay.yaml")
    files = [argument for file in (config, base, overlay) for argument in ("--config", file)]
    main(["fit", *files, "--run_dir", str(RUN), "--losses.distance.weight=0.5", "--trainer.max_steps=1"])
    assert saved_config()["losses"] == {
        "distance": {"class_path": "extra_losses.AbsoluteError", "init_args": {"weight": 0.5, "power": 3.0}},
        "nothing": {"class_path": "extra_losses.Constant", "init_args": {"weight": 1.0}},
    }
    row = metrics(0)[0]
    assert float(row["train/distance_weighted"]) == pytest.approx(0.5 * float(row["train/distance"]))
    assert "train/nothing" in row
    state = torch.load(RUN / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    assert "heads.distance.weight" in state


def test_a_loss_is_added_from_the_command_line(config, write_config):
    base = write_config({"losses": {"nothing": {"class_path": "extra_losses.Constant"}}}, "losses.yaml")
    arguments = ["--losses.distance", "extra_losses.AbsoluteError", "--losses.distance.power", "2"]
    main(["fit", "--config", config, "--config", base, "--run_dir", str(RUN), *arguments, "--trainer.max_steps=1"])
    assert set(saved_config()["losses"]) == {"nothing", "distance"}
    assert saved_config()["losses"]["distance"]["init_args"] == {"weight": 1.0, "power": 2.0}


def test_one_argument_of_the_optimizer_changes_and_the_rest_stays(config, write_config):
    optimizer = {"class_path": "torch.optim.AdamW", "init_args": {"lr": 0.1, "weight_decay": 0.3}}
    overlay = write_config({"model": {"optimizer": optimizer}}, "overlay.yaml")
    main(["fit", "--config", config, "--config", overlay, "--run_dir", str(RUN), "--model.optimizer.lr=0.2"])
    saved = saved_config()["model"]["optimizer"]["init_args"]
    assert (saved["lr"], saved["weight_decay"]) == (0.2, 0.3)
    assert float(metrics(0)[0]["train/lr"]) == pytest.approx(0.2)


def test_what_the_user_types_wins_over_the_checkpoint(config):
    main(["fit", "--config", config, "--model.caption_dropout", "0.7", "--trainer.max_steps", "1"])
    (RUN / "checkpoints/last.ckpt").resolve().rename("other.ckpt")
    Recorder.seen.clear()
    arguments = ["--ckpt_path", "other.ckpt", "--model.caption_dropout", "0.3", "--trainer.max_steps", "2"]
    main(["fit", "--config", config, *arguments], module_class=Recorder)
    assert [each.caption_dropout for each in Recorder.seen] == [0.3]
    assert Recorder.seen[0].hparams["caption_dropout"] == 0.3
    assert saved_config()["model"]["caption_dropout"] == 0.3


def test_one_seed_for_model_and_data(config):
    class SeededData(ConPairDataModule):
        def setup(self, stage: str) -> None:
            super().setup(stage)
            seeds.append(self.seed)

    seeds: list[int] = []
    Recorder.seen.clear()
    arguments = ["--seed_everything", "5", "--trainer.max_steps", "1"]
    main(["fit", "--config", config, *arguments], module_class=Recorder, datamodule_class=SeededData)
    assert seeds == [5]
    assert Recorder.seen[0].seed == 5


def test_a_subclass_may_have_arguments_of_its_own_and_no_seed(config):
    class Fixed(ComposeModule):
        def __init__(self, backbone: Backbone, factor: float) -> None:
            super().__init__(backbone, seed=3)
            self.factor = factor

        def training_loss(self, step):
            return self.factor * super().training_loss(step)

    main(["fit", "--config", config, "--model.factor", "2", "--trainer.max_steps", "1"], module_class=Fixed)
    row = metrics(0)[0]
    assert float(row["train/loss"]) == pytest.approx(2 * float(row["train/denoise"]))


def test_relative_references_follow_later_files_and_flags(config, shards, write_config):
    overlay = write_config({"data": {"test_root": "${.root}"}}, "overlay.yaml")
    Path("moved").symlink_to(shards)
    main(["fit", "--config", config, "--config", overlay, "--run_dir", str(RUN), "--data.root", "moved"])
    assert saved_config()["data"]["test_root"] == "moved"


def test_validate_and_test_leave_the_run_alone(config, shards):
    main(["fit", "--config", config, "--trainer.max_steps", "1"])
    before = {path: path.stat().st_mtime_ns for path in RUN.rglob("*") if path.is_file()}
    main(["validate", "--config", config, "--ckpt_path", "last"])
    main(["test", "--config", config, "--ckpt_path", "last", "--data.test_root", str(shards)])
    assert {path: path.stat().st_mtime_ns for path in before} == before
    for command, metric in (("validate", "val/loss"), ("test", "test/loss")):
        assert metric in (RUN / command / "version_0/metrics.csv").read_text()


def test_wandb_is_one_line_away(config, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    main(["fit", "--config", config, "--trainer.logger", "WandbLogger", "--trainer.max_steps", "1"])
    assert list((RUN / "wandb").glob("offline-run-*"))
    assert metrics(0), "the CSV stays: the loss curve is drawn from it"
    assert not Path("wandb").exists()
    saved = yaml.safe_load((RUN / "config.yaml").read_text())
    assert saved["trainer"]["logger"]["init_args"]["save_dir"] == ".", "to be run again in another folder"


def test_no_logger_no_checkpoints_no_bar(config, capsys):
    off = ["--trainer.logger=false", "--trainer.enable_checkpointing=false", "--trainer.enable_progress_bar=false"]
    main(["fit", "--config", config, *off, "--trainer.max_steps", "1"])
    assert not (RUN / "csv").exists()
    assert not (RUN / "checkpoints").exists()
    assert "step/s" not in capsys.readouterr().err


def test_a_checkpoint_cannot_run_code(config, capsys):
    class Attack:
        def __reduce__(self):
            return (Path.touch, (Path("attacked"),))

    torch.save({"state_dict": {}, "attack": Attack()}, "attack.ckpt")
    with pytest.raises(SystemExit):
        main(["fit", "--config", config, "--ckpt_path", "attack.ckpt"])
    assert not Path("attacked").exists()
    assert "error: Expected a checkpoint as fit writes it" in capsys.readouterr().err


def test_a_bug_keeps_its_traceback(config):
    with pytest.raises(RuntimeError, match="a bug"):
        main(["fit", "--config", config], module_class=Stopped)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trainer.max_steps", "-1"], "Expected trainer.max_steps to be the number of optimizer steps"),
        (["--data.root", "nowhere"], "nowhere: Expected a folder of shards"),
        (["--data.root", "empty"], "empty: Expected index.json in the folder"),
        (["--ckpt_path", "https://host/file.ckpt"], "Expected --ckpt_path to be a file, got the URL"),
        (["--ckpt_path", "none.ckpt"], "found no file 'none.ckpt'"),
        (["--model.caption_dropuot", "1"], "got '--model.caption_dropuot 1'. Did you mean 'model.caption_dropout'?"),
        (["--model.caption_dropout", "often"], "model.caption_dropout: Expected float, got 'often'"),
        (["--model.caption_dropout", "2"], "Expected `caption_dropout` to be a share in [0, 1], got 2.0."),
        (["--model.backbone", "Foo"], "Expected a class by its name or its import path, got 'Foo'"),
        (["--model.lr_schedule", "foo"], "Expected `lr_schedule` to be one of"),
        (["--data.size_px", "17"], "Expected image sides that are multiples of 4 px"),
        (["--ckpt_path", "cut.ckpt"], "Expected a checkpoint as fit writes it"),
        (["--ckpt_path", "wide.ckpt"], "Expected `unet.sample_size` to be 9 as in the checkpoint, got 8"),
        (["--data.global_batch_size", "3"], "Expected `global_batch_size` to be a multiple"),
        (["--trainer.accumulate_grad_batches", "2"], "Expected the accumulation to follow"),
        (["--trainer.precision", "12"], "trainer.precision: Expected one of"),
        (["--losses.distnace.weight", "2"], "Expected `losses.distnace` to have a class, got none. Did you mean"),
        (["--losses.distance.wieght", "2"], "Option 'wieght' is not accepted. Did you mean 'weight'?"),
        (["--trainer.strategy", "FSDPStrategy"], "got 'FSDPStrategy', which loads"),
        (["--trainer.strategy.class_path", "lightning.pytorch.strategies.FSDPStrategy"], ".FSDPStrategy', which loads"),
        (["--trainer.strategy", "dpp"], "that Lightning's Trainer takes, got its refusal: You selected"),
        (["--checkpoint.dirpath", "here"], "Expected checkpoint.dirpath to follow from run_dir"),
        (["--config", "none.yaml"], "found no file 'none.yaml'"),
        (["--config", "wrong.yaml"], "Expected a known key, got 'trainer.max_stepz'. Did you mean 'trainer.max_steps'"),
    ],
)
def test_a_mistake_is_one_line(config, write_config, capsys, arguments, message):
    Path("empty").mkdir()
    configs = {name: {} for name in COMPONENTS} | {"unet": {"sample_size": 9}}
    version = {"pytorch-lightning_version": lightning.__version__, "loops": {}, "state_dict": {}}
    torch.save({"component_configs": configs, **version}, "wide.ckpt")
    Path("cut.ckpt").write_bytes(Path("wide.ckpt").read_bytes()[:500])
    write_config({"trainer": {"max_stepz": 3}}, "wrong.yaml")
    losses = write_config({"losses": {"distance": {"class_path": "extra_losses.AbsoluteError"}}}, "losses.yaml")
    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--config", config, "--config", losses, *arguments])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert "usage:" not in error
    assert "Traceback" not in error
    last = error.splitlines()[-1]
    assert last.startswith("error: ")
    assert message in last


@pytest.mark.parametrize(("command", "key"), [("fit", "root"), ("validate", "root"), ("test", "test_root")])
def test_missing_data_are_refused_before_the_model_is_made(config, capsys, command, key):
    class Unmade(ComposeModule):
        def __init__(self, backbone: Backbone) -> None:
            raise RuntimeError("made")

    with pytest.raises(SystemExit):
        main([command, "--config", config, f"--data.{key}", "nowhere"], module_class=Unmade)
    assert "nowhere: Expected a folder of shards" in capsys.readouterr().err


def test_a_required_key_is_named(write_config, capsys):
    config = write_config({"trainer": {"max_steps": 1}})
    with pytest.raises(SystemExit):
        main(["fit", "--config", config, "--model.backbone", "StableDiffusion"])
    assert capsys.readouterr().err.startswith("error: Expected a value for data.root, got none. Set --data.root.")


def test_a_missing_last_checkpoint_is_an_error_where_nothing_is_trained(config, capsys):
    with pytest.raises(SystemExit):
        main(["validate", "--config", config, "--ckpt_path", "last"])
    assert "Expected 'runs/tiny/checkpoints/last.ckpt' to exist" in capsys.readouterr().err


def test_no_thread_of_the_ranks_outlives_the_command(config):
    program = "\n".join(
        (
            "import os, sys",
            "from pathlib import Path",
            "from lightning_compose.cli import main",
            "main(sys.argv[1:])",
            "names = [(each / 'comm').read_text().strip() for each in Path('/proc/self/task').iterdir()]",
            "print('threads:', *names)",
        )
    )
    ddp = ("--trainer.devices", "1", "--trainer.strategy", "ddp")
    done = subprocess.run(
        [sys.executable, "-c", program, "fit", "--config", config, *ddp], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert "distributed_backend=gloo" in done.stderr + done.stdout
    assert "gloo" not in done.stdout.split("threads:")[1]


@pytest.mark.parametrize("where", ["command line", "file"])
def test_null_leaves_a_callback_its_defaults(config, write_config, where):
    given = {"ema": {"decay": 0.5}, "pictures": {"prompts": ["a circle"], "every_n_steps": 1}}
    keys = [*given, "attention_maps", "evaluation", "reconstructions", "loss_curve", "flops"]
    nulls = {
        "command line": [part for key in keys for part in (f"--{key}", "null")],
        "file": ["--config", write_config(dict.fromkeys(keys), "nulls.yaml")],
    }
    files = ["--config", config, "--config", write_config(given, "given.yaml")]
    main(["fit", *files, "--run_dir", "with"])
    assert left_by(Path("with")) == {"samples", "average", "attention", "reconstructions"}
    main(["fit", *files, *nulls[where], "--run_dir", "without"])
    assert left_by(Path("without")) == {"attention", "reconstructions"}


def left_by(run):
    """The kinds of its pictures, and whether it has an average."""
    callbacks = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["callbacks"]
    kinds = {file.stem.split("-")[0] for file in run.rglob("pictures/*.png")}
    return kinds | {"average" for key in callbacks if key.startswith("EMA")}
