"""The key `curriculum` on the command line: one entry changes and the rest stays, mistakes are one line."""

from pathlib import Path

import pytest
import torch
import yaml

from lightning_compose.cli import main

RUN = Path("runs/tiny")
STAGES = {
    "simple": {"steps": 1, "stages": ["single"], "losses": {"distance": 0.5, "nothing": 0.0}},
    "hard": {"steps": 2, "replay": 0.5},
}


@pytest.fixture
def staged(config, write_config) -> str:
    """The tiny config with two stages and two losses, and no `max_steps`."""
    content = yaml.safe_load(Path(config).read_text())
    del content["trainer"]["max_steps"]
    losses = {
        "distance": {"class_path": "extra_losses.AbsoluteError"},
        "nothing": {"class_path": "extra_losses.Constant"},
    }
    return write_config(content | {"losses": losses, "curriculum": {"stages": STAGES}})


def saved_config() -> dict:
    return yaml.safe_load((RUN / "config.yaml").read_text())


def checkpoint() -> dict:
    return torch.load(RUN / "checkpoints/last.ckpt", weights_only=True)


def test_a_run_is_as_long_as_its_stages_and_goes_on(staged, capsys):
    main(["fit", "--config", staged])
    saved = checkpoint()
    assert (saved["global_step"], saved["curriculum"]["stage"]) == (3, "hard")
    assert (RUN / "curriculum.png").is_file()
    assert "stage=hard" in capsys.readouterr().err
    assert saved_config()["trainer"]["max_steps"] == -1
    longer = ["--ckpt_path", "last", "--curriculum.stages.hard.steps=4"]
    main(["fit", "--config", str(RUN / "config.yaml"), *longer])
    assert checkpoint()["global_step"] == 5
    main(["fit", "--config", staged, "--curriculum.schedule", "mixed"])
    assert (RUN / "earlier-1/curriculum.png").is_file()


def test_one_entry_of_every_dict_changes_and_the_others_stay(staged, write_config):
    overlay = write_config({"curriculum": {"stages": {"hard": {"losses": {"distance": 0.1}}}}}, "overlay.yaml")
    flags = ["--curriculum.stages.simple.steps=2", "--curriculum.stages.simple.losses.distance=0.25"]
    flags += ["--curriculum.stages.hard.lr", "1e-1", "--curriculum.overlap=0.3"]
    main(["fit", "--config", staged, "--config", overlay, "--run_dir", str(RUN), *flags])
    saved = saved_config()["curriculum"]
    rest = {"passes": None, "categories": [], "replay": 0.0, "lr": 1.0}
    simple = {"steps": 2, "stages": ["single"], "losses": {"distance": 0.25, "nothing": 0.0}}
    hard = {"steps": 2, "stages": [], "losses": {"distance": 0.1}, "replay": 0.5, "lr": 0.1}
    assert saved["stages"] == {"simple": rest | simple, "hard": rest | hard}
    assert list(saved["stages"]) == ["simple", "hard"], "in their order, not in that of the alphabet"
    assert (saved["overlap"], saved["schedule"]) == (0.3, "strict")
    assert checkpoint()["global_step"] == 4


def test_a_later_file_takes_the_curriculum_away(staged, write_config):
    overlay = write_config({"curriculum": None, "trainer": {"max_steps": 1}}, "overlay.yaml")
    main(["fit", "--config", staged, "--config", overlay, "--run_dir", str(RUN)])
    assert "curriculum" not in checkpoint()
    assert not (RUN / "curriculum.png").exists()


def test_validate_predict_and_export_take_the_same_config(staged):
    main(["fit", "--config", staged])
    main(["validate", "--config", staged, "--ckpt_path", "last"])
    last = ["--config", staged, "--ckpt_path", "last"]
    Path("prompts.txt").write_text("a red circle\n")
    main(["predict", *last, "--prompts", "prompts.txt", "--out", "images", "--num_inference_steps", "1"])
    main(["export", *last, "--out", "exported"])
    assert list(Path("images").glob("*.png"))
    assert Path("exported/model_index.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--trainer.max_steps", "4"], "Expected `trainer.max_steps` to be at most 3, the sum of the curriculum's"),
        (
            ["--trainer.max_steps", "0"],
            "Expected trainer.max_steps to be the number of optimizer steps",
        ),
        (
            ["--curriculum.stages.smiple.steps", "4"],
            "a stage of the config, got 'smiple'. Did you mean 'simple'?",
        ),
        (["--curriculum.stages.simple.stpes", "4"], "Option 'stpes' is not accepted"),
        (
            ["--curriculum.stages.simple.passes=1"],
            "`curriculum.stages.simple` to have either `steps` or `passes`",
        ),
        (["--curriculum.stages.simple.steps=many"], "got 'many'"),
        (["--curriculum.stages.simple.stages=[hard]"], "known stages, got 'hard'. Known: ['single', 'composition'"),
        (["--curriculum.stages.simple.losses.tokne=1"], "to name losses of the run, got 'tokne'. Known: ['distance'"),
        (["--curriculum.stages.simple.replay=0.1"], "the first stage, to replay nothing"),
        (
            ["--curriculum.schedule=soft"],
            "Expected one of 'strict', 'gaussian', 'mixed', got 'soft'",
        ),
    ],
)
def test_a_mistake_is_one_line(staged, capsys, arguments, message):
    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--config", staged, *arguments])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    assert message in error.splitlines()[-1]
