"""Values chosen by short runs: which are tried, on what, and which one wins."""

import json

import pytest
from study_configs import TUNING, make_study

from lightning_compose.study.runs import begin, finish
from lightning_compose.study.tuning import choose, tries, write_choices

METRIC = TUNING["tuning"]["metric"]


def tried(folder, *changes):
    return tries(make_study(folder / "configs", TUNING, *changes), folder / "out")


def end(run, score):
    """Leave what a run leaves that is done."""
    begin(run)
    file = run.folder / "csv/version_0/metrics.csv"
    file.parent.mkdir(parents=True)
    file.write_text(f"step,{METRIC}\n{run.steps - 1},{score}\n")
    finish(run, 0, 0)


def test_the_product_of_the_lists_is_tried(tmp_path):
    two = {"arms": {"plain": {"tune": {"losses.token.init_args.weight": [1, 2]}}}}
    runs = tried(tmp_path, two)["plain"]
    assert [each.values["model.lr"] for each in runs] == [0.05, 0.05, 0.1, 0.1, 0.2, 0.2]
    assert {each.run.seed for each in runs} == {100}
    assert runs[1].run.folder == tmp_path / "out/tuning/plain/model.lr=0.05,losses.token.weight=2"
    assert runs[1].run.config["losses"]["token"]["init_args"]["weight"] == 2


def test_tries_draw_other_prompts_and_lie_under_the_arm(tmp_path):
    shorter = {
        "curriculum": {"stages": {"one": {"steps": 1}, "two": {"steps": 2}}},
        "trainer": {"val_check_interval": 3},
    }
    run = tried(tmp_path, {"tuning": {"settings": shorter}})["plain"][0].run
    assert run.config["evaluation"] == {"prompts": f"{tmp_path}/configs/validation.jsonl", "validate": True}
    assert (run.steps, run.config["curriculum"], run.config["losses"]) == (3, None, {})


def test_without_tuning_or_choice_values_are_as_they_are(tmp_path):
    study = make_study(tmp_path, TUNING, {"tuning": None})
    assert (tries(study, tmp_path), choose(study, tmp_path)) == ({}, {"plain": {}, "token": {}})
    study = make_study(tmp_path, TUNING, {"arms": {"plain": {"tune": {"model.lr": [0.3]}}}})
    assert (tries(study, tmp_path), choose(study, tmp_path)) == ({}, {"plain": {"model": {"lr": 0.3}}, "token": {}})


@pytest.mark.parametrize(("mode", "best"), [("max", 0.1), ("min", 0.2)])
def test_the_best_of_all_tries_wins_and_the_first_of_equals(tmp_path, mode, best):
    study = make_study(tmp_path, TUNING, {"tuning": {"mode": mode}})
    runs = [each.run for each in tries(study, tmp_path)["plain"]]
    for run, score in zip(runs, [0.25, 0.5, 0.25] if mode == "max" else [0.5, 0.5, 0.25], strict=True):
        assert choose(study, tmp_path) == {"token": {}}, "waits until all are tried"
        end(run, score)
    assert choose(study, tmp_path)["plain"] == {"model": {"lr": best}}
    assert not (tmp_path / "tuned.json").exists()
    write_choices(study, tmp_path)
    told = json.loads((tmp_path / "tuned.json").read_text())["plain"]
    assert told["choice"] == {"model.lr": best}
    assert [each["values"]["model.lr"] for each in told["tries"]] == [0.05, 0.1, 0.2]


def test_equal_scores_leave_the_first(tmp_path):
    study = make_study(tmp_path, TUNING)
    for each in tries(study, tmp_path)["plain"]:
        end(each.run, 0.5)
    assert choose(study, tmp_path)["plain"] == {"model": {"lr": 0.05}}
