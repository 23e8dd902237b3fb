"""The runs of a study: their order, their settings, and that these stay what they were."""

import json
import sys
from pathlib import Path

import pytest
import yaml
from study_configs import make_study

from lightning_compose.study.runs import (
    begin,
    finish,
    plan,
    portable,
    reference_cost,
    require_evaluated,
    require_same_settings,
)

CHOSEN = {"plain": {}, "token": {}}


def planned(folder, *changes, chosen=CHOSEN, cost=60.0):
    return {run.name: run for run in plan(make_study(folder / "configs", *changes), folder / "out", chosen, cost)}


def with_checkpoint(run):
    begin(run)
    (run.folder / "checkpoints").mkdir()
    (run.folder / "checkpoints/last.ckpt").touch()


def test_a_seed_in_front_of_the_others_leaves_the_base_as_it_is(tmp_path):
    assert planned(tmp_path)["base"].settings == planned(tmp_path, {"seeds": [7, 1, 0]})["base"].settings


def test_each_seed_of_all_arms_comes_before_the_next(tmp_path):
    assert list(planned(tmp_path)) == ["base", "plain:0", "token:0", "plain:1", "token:1"]
    assert list(planned(tmp_path, chosen={"token": {}})) == ["base", "token:0", "token:1"]


def test_an_arm_lies_over_what_all_have_in_common_and_chosen_values_over_the_arm(tmp_path):
    runs = planned(tmp_path, chosen={"plain": {"model": {"lr": 0.7}}, "token": {}})
    assert {name: run.config["model"]["lr"] for name, run in runs.items() if ":0" in name} == {
        "plain:0": 0.7,
        "token:0": 0.2,
    }
    assert runs["token:1"].config["evaluation"]["validate"]


def test_others_wait_for_the_cost_of_the_reference_and_are_evaluated_there(tmp_path):
    assert list(planned(tmp_path, cost=None)) == ["base", "plain:0", "plain:1"]
    costs = {name: run.config.get("flops") for name, run in planned(tmp_path, cost=55.0).items()}
    assert costs == dict.fromkeys(["base", "plain:0", "plain:1"]) | {
        name: {"validate_at": 55.0} for name in ("token:0", "token:1")
    }


def test_the_cost_of_the_reference_is_that_of_its_first_run(tmp_path):
    study, runs = make_study(tmp_path / "configs"), planned(tmp_path)
    assert reference_cost(study, tmp_path / "out") is None
    for name, flops in (("plain:1", 70.0), ("plain:0", 60.0)):
        begin(runs[name])
        finish(runs[name], flops, 1.0)
    assert reference_cost(study, tmp_path / "out") == 60.0


def test_losses_that_are_null_are_gone_and_the_base_measures_all(tmp_path):
    runs = planned(tmp_path)
    assert [list(runs[name].config["losses"]) for name in ("base", "plain:0", "token:0")] == [
        ["token", "pixel"],
        [],
        ["token"],
    ]


def test_all_arms_train_equally_many_steps(tmp_path):
    runs = planned(tmp_path)
    assert {run.steps for name, run in runs.items() if name != "base"} == {6}
    assert {run.config["trainer"]["max_steps"] for name, run in runs.items() if name != "base"} == {6}


def test_the_commands(tmp_path):
    runs = planned(tmp_path)
    folder = tmp_path / "out/token/1"
    assert runs["token:1"].command == (
        *(sys.executable, "-m", "lightning_compose", "fit", "--config", f"{folder}/run.yaml"),
        *("--seed_everything", "1", "--run_dir", str(folder), "--ckpt_path", "last"),
    )
    assert runs["base"].command[3] == "validate"
    assert "--ckpt_path" not in runs["base"].command


def test_the_configuration_is_written_in_its_order(tmp_path):
    run = planned(tmp_path)["token:0"]
    begin(run)
    written = yaml.safe_load((run.folder / "run.yaml").read_text())
    assert written == run.config
    assert list(written["curriculum"]["stages"]) == ["one", "two"]


def test_settings_are_the_same_in_another_checkout(tmp_path):
    one, other = (planned(tmp_path / name)["plain:0"] for name in ("one", "other"))
    assert one.config != other.config
    assert one.settings == other.settings
    assert portable({"a": ["/x/y/z", "z", 1]}, Path("/x/w")) == {"a": ["../y/z", "z", 1]}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"arms": {"token": {"config": {"model": {"lr": 0.3}}}}}, "config.model.lr"),
        ({"arms": {"token": {"config": {"losses": None}}}}, "config.losses.token"),
        ({"settings": {"evaluation": {"prompts": "${here}/other.jsonl"}}}, "config.evaluation.prompts"),
    ],
)
def test_a_run_that_was_begun_with_other_settings_is_refused_by_name(tmp_path, change, key):
    with_checkpoint(planned(tmp_path)["token:0"])
    require_same_settings(planned(tmp_path)["token:0"])
    changed = planned(tmp_path, change)["token:0"]
    with pytest.raises(ValueError, match=r"Expected the run token:0 to go on with the settings") as error:
        require_same_settings(changed)
    assert f"['{key}']" in str(error.value)
    assert str(changed.folder) in str(error.value)


@pytest.mark.parametrize("file", ["configs/test.jsonl", "configs/model/config.json"])
def test_a_run_that_was_begun_with_other_content_is_refused_by_name(tmp_path, file):
    (tmp_path / "configs/model").mkdir(parents=True)
    for name in ("configs/test.jsonl", "configs/model/config.json"):
        (tmp_path / name).write_text("one")
    run = planned(tmp_path)["token:0"]
    with_checkpoint(run)
    require_same_settings(run)
    (tmp_path / file).write_text("other")
    key = "content.evaluation.prompts" if "test" in file else "content.model.pretrained"
    with pytest.raises(ValueError, match=rf"got others in \['{key}'\]"):
        require_same_settings(run)


def test_what_has_no_checkpoint_yet_may_change(tmp_path):
    begin(planned(tmp_path)["token:0"])
    require_same_settings(planned(tmp_path, {"arms": {"token": {"config": {"model": {"lr": 3}}}}})["token:0"])


def test_a_run_is_done_when_it_is_marked_so(tmp_path):
    run = planned(tmp_path)["token:0"]
    begin(run)
    with pytest.raises(FileNotFoundError, match=r"evaluation/000006/scores\.csv"):
        require_evaluated(run)
    assert not run.is_done
    finish(run, flops=1e12, seconds=1.23456)
    assert run.is_done
    done = json.loads((run.folder / "done.json").read_text())
    assert {name: done[name] for name in ("arm", "seed", "steps", "flops", "seconds")} == {
        "arm": "token",
        "seed": 0,
        "steps": 6,
        "flops": 1e12,
        "seconds": 1.235,
    }
    assert len(done["config_sha256"]) == 64
