"""The committed studies: every arm is a config that `fit` takes, and is what its name says."""

from pathlib import Path

import pytest
import yaml

from lightning_compose.cli import main
from lightning_compose.cli.config_files import read_command_line
from lightning_compose.evaluation.prompts import read_benchmark
from lightning_compose.study import protocol
from lightning_compose.study.estimate import all_runs, effort
from lightning_compose.study.runs import begin, plan
from lightning_compose.study.settings import read_study
from lightning_compose.study.tuning import all_tries

FOLDER = Path(__file__).parents[2] / "configs/study"
FILES = {"small": ["small.yaml"], "full": ["small.yaml", "full.yaml"]}
SMALL = ["plain", "tokencompose", "evogen", "curriculum", "all-gaussian"]
FULL = [*SMALL, "token", "pixel", "contrastive", "all-strict", "all-mixed"]
ALL = {"contrastive", "token", "pixel"}
LOSSES = {
    "plain": set(),
    "curriculum": set(),
    "tokencompose": {"token", "pixel"},
    "evogen": {"contrastive"},
    **{name: {name} for name in ("token", "pixel", "contrastive")},
    **{f"all-{schedule}": ALL for schedule in ("strict", "gaussian", "mixed")},
}
STAGED = {"evogen": "strict", "curriculum": "strict"} | {
    f"all-{name}": name for name in ("strict", "gaussian", "mixed")
}


def study_of(name):
    arguments = [part for file in FILES[name] for part in ("--config", str(FOLDER / file))]
    return read_study(read_command_line(arguments).config)


def runs_of(name, out):
    study = study_of(name)
    return {run.arm: run for run in plan(study, out, {arm.name: {} for arm in study.arms}, 1e12) if run.seed == 0}


@pytest.mark.parametrize(("name", "arms", "seeds", "steps"), [("small", SMALL, 3, 240), ("full", FULL, 5, 1440)])
def test_arms_seeds_and_steps(name, arms, seeds, steps):
    study = study_of(name)
    assert ([arm.name for arm in study.arms], len(study.seeds), study.steps) == (arms, seeds, steps)


@pytest.mark.parametrize("arm", FULL)
def test_an_arm_has_the_losses_and_the_schedule_of_its_name(tmp_path, arm):
    config = runs_of("full", tmp_path)[arm].config
    assert set(config["losses"]) == LOSSES[arm]
    curriculum = config["curriculum"]
    assert (curriculum and curriculum.get("schedule", "strict")) == STAGED.get(arm)
    # Negatives cost decoding: only where a loss reads them.
    assert config["data"].get("negatives", True) == ("contrastive" in LOSSES[arm])


@pytest.mark.parametrize("arm", ["base", "plain", "all-gaussian"])
def test_fit_takes_an_arms_config(tmp_path, arm, capsys):
    run = runs_of("small", tmp_path)[arm]
    begin(run)
    command = "fit" if run.steps else "validate"
    with pytest.raises(SystemExit) as exit_:
        main([command, "--config", str(run.folder / "run.yaml"), "--print_config"])
    assert exit_.value.code == 0
    printed = yaml.safe_load(capsys.readouterr().out)
    assert set(printed["losses"]) == LOSSES.get(arm, ALL)
    assert (printed["flops"]["count"], printed["evaluation"]["validate"]) == (True, True)
    assert printed["model"]["lr_schedule"] == "constant_with_warmup"


@pytest.mark.parametrize(("name", "tries"), [("small", 16), ("full", 36)])
def test_values_are_fixed_once_an_arm_by_keys_that_it_has_and_at_little_cost(tmp_path, name, tries):
    study = study_of(name)
    tried, runs = all_tries(study, tmp_path), all_runs(study, tmp_path)
    assert len(tried) == tries
    assert {each.arm for each in tried} == {arm.name for arm in study.arms}
    assert effort(tried).steps < 0.4 * effort(runs).steps
    configs = {run.arm: run.config for run in runs}
    for arm in study.arms:
        values = [protocol._get(configs[arm.name], key) for key in arm.tune]
        assert all(value in tried for value, tried in zip(values, arm.tune.values(), strict=True)), arm.name


def test_nothing_is_chosen_by_what_is_reported():
    study = study_of("full")
    reported = read_benchmark(Path(study.common["evaluation"]["prompts"]))
    chosen_by = read_benchmark(Path(study.tuning.settings["evaluation"]["prompts"]))
    assert study.tuning.metric == "val/accuracy/mean", "of seen compositions"
    seen = [{each.prompt for each in prompts if each.split == "seen"} for prompts in (reported, chosen_by)]
    assert seen[0]
    assert not seen[0] & seen[1]


@pytest.mark.parametrize("file", ["small.yaml", "full.yaml"])
def test_every_line_has_its_reason(file):
    lines = (FOLDER / file).read_text().splitlines()
    said = ("#", "title:", "note:", "table:", "command:")
    assert not [line for line in lines if ": " in line and not any(each in line for each in said)]
