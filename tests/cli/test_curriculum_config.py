"""A curriculum in config files and flags: every entry of every dict is reached, and the others stay."""

import pytest
import yaml

from lightning_compose.cli.config_files import CommandLine, read_command_line
from lightning_compose.cli.curriculum_config import settle_curriculum

STAGES = {"easy": {"steps": 2, "losses": {"token": 0.0, "pixel": 0.5}}, "hard": {"steps": 3}}


def settled(*arguments, config=None):
    return settle_curriculum(
        CommandLine(config={"curriculum": {"stages": STAGES}} if config is None else config, arguments=arguments)
    )


@pytest.mark.parametrize("argument", [["--curriculum.stages.easy.losses.token=1e-3"], ["--trainer.x", "1"]])
def test_other_arguments_and_entries_stay(argument):
    line = settled("--seed", "1", *argument, "--flag")
    stages = line.config["curriculum"]["stages"]
    mine = argument[0].startswith("--curriculum")
    assert line.arguments == (("--seed", "1", "--flag") if mine else ("--seed", "1", *argument, "--flag"))
    assert stages["easy"] == {"steps": 2, "losses": {"token": 0.001 if mine else 0.0, "pixel": 0.5}}
    assert stages["hard"] == {"steps": 3}


def test_values_are_read_as_in_a_file():
    flags = ["--curriculum.stages.easy.steps=null", "--curriculum.stages.easy.passes", "1.5"]
    line = settled(
        *flags, "--curriculum.stages.hard.categories=[color, shape]", "--curriculum.stages.easy.losses.new=1"
    )
    stages = line.config["curriculum"]["stages"]
    assert stages["easy"] == {"steps": None, "passes": 1.5, "losses": {"token": 0.0, "pixel": 0.5, "new": 1}}
    assert stages["hard"]["categories"] == ["color", "shape"]
    assert STAGES["easy"]["steps"] == 2, "the base must not change"


def test_stages_may_come_from_flags_alone():
    assert settled("--curriculum.stages.only.steps=5", config={}).config == {
        "curriculum": {"stages": {"only": {"steps": 5}}}
    }


@pytest.mark.parametrize("nothing", [None, {"stages": None}, {"stages": dict.fromkeys(STAGES)}])
def test_null_takes_a_curriculum_away(nothing):
    assert not settled(config={"curriculum": nothing}).config.get("curriculum", {}).get("stages")


@pytest.mark.parametrize("arguments", [["--curriculum", "null"], ["--curriculum=null"]])
def test_null_on_the_command_line_takes_that_of_the_files_away(arguments, tmp_path):
    file = tmp_path / "staged.yaml"
    file.write_text(yaml.safe_dump({"curriculum": {"stages": STAGES}}))
    line = settle_curriculum(
        read_command_line(["--config", str(file), "--data.cache", "null", *arguments, "--seed", "1"])
    )
    assert line == CommandLine((file,), config={}, arguments=("--data.cache", "null", "--seed", "1"))
    afresh = settle_curriculum(
        read_command_line(["--config", str(file), *arguments, "--curriculum.stages.only.steps=5"])
    )
    assert afresh.config == {"curriculum": {"stages": {"only": {"steps": 5}}}}


@pytest.mark.parametrize("wrong", [5, {"stages": [1]}])
def test_what_is_no_curriculum_is_left_to_the_parser(wrong):
    assert settled(config={"curriculum": wrong}).config == {"curriculum": wrong}


def test_null_takes_a_stage_away():
    config = {"curriculum": {"stages": {**STAGES, "easy": None}}}
    assert list(settled(config=config).config["curriculum"]["stages"]) == ["hard"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--curriculum.stages.esay.steps=3"],
            r"name a stage of the config, got 'esay'\. Did you mean 'easy'\?.*Known",
        ),
        (["--curriculum.stages.easy.steps"], "--curriculum.stages.easy.steps to be followed by a value"),
        (["--curriculum.stages.easy.steps", "--seed", "1"], "to be followed by a value"),
    ],
)
def test_mistakes(arguments, message):
    with pytest.raises(ValueError, match=message):
        settled(*arguments)
