"""A study's config: what it says, and what is refused."""

import pytest
from study_configs import TUNING, make_study

from lightning_compose.study.settings import Evidence, Tuning


def test_reads_all_that_is_there(tmp_path):
    study = make_study(tmp_path, TUNING)
    assert (study.seeds, study.jobs, study.threads, study.reference, study.steps) == ((0, 1), 2, 1, "plain", 6)
    plain, token = study.arms
    assert (plain.name, plain.title, plain.note, plain.tune) == ("plain", "Plain", "", {"model.lr": [0.05, 0.1, 0.2]})
    assert (token.note, token.tune) == ("ours", {})
    assert study.common["evaluation"]["prompts"] == f"{tmp_path}/test.jsonl"
    assert study.common["model"]["pretrained"] == f"{tmp_path}/model"
    assert isinstance(study.tuning, Tuning)
    assert (study.tuning.seed, study.tuning.mode) == (100, "max")
    assert study.home == tmp_path


def test_settings_lie_over_the_configs(tmp_path):
    study = make_study(tmp_path, {"settings": {"trainer": {"val_check_interval": 6}, "model": {"lr": 0.5}}})
    assert study.common["model"] == {"lr": 0.5, "pretrained": f"{tmp_path}/model"}
    assert study.common["trainer"]["val_check_interval"] == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sedes": [1]}, "known keys, got 'sedes'. Did you mean 'seeds'"),
        ({"seeds": [0, 0]}, "`seeds` to be a list of one or more different values of type int"),
        ({"seeds": []}, "`seeds` to be a list"),
        ({"seeds": [True, 2]}, "`seeds` to hold integers of at least 0, got True"),
        ({"seeds": [0, -1]}, "`seeds` to hold integers of at least 0, got -1"),
        ({"tuning": {"seed": -3, "metric": "x"}}, "`tuning.seed` to hold integers of at least 0, got -3"),
        ({"arms": {"token": {"config": {"losses": {"tokn": None}}}}}, "got 'tokn'. Did you mean 'token'"),
        ({"settings": {"losses": {"tokn": None}}}, "`settings.losses` to take away losses that there are, got 'tokn'"),
        (
            {"tuning": {"seed": 9, "metric": "x", "settings": {"losses": {"pixl": None}}}},
            "`tuning.settings.losses` to take away losses that there are, got 'pixl'. Did you mean 'pixel'",
        ),
        ({"jobs": 0}, "`jobs` to be an integer of at least 1, got 0"),
        ({"arms": None}, "a study to have 'arms', got none"),
        ({"reference": "palin"}, "`reference` to name an arm, got 'palin'. Did you mean 'plain'"),
        ({"arms": {"tuning": {"title": "x"}}}, "none of ['base', 'tuning', 'tables', 'results'], got 'tuning'"),
        ({"arms": {"a/b": {"title": "x"}}}, "letters, digits, `_`, `+`, `.` and `-`, and none of"),
        ({"arms": {"new": {"note": "x"}}}, "arms.new to have 'title', got none"),
        ({"arms": {"plain": {"tune": {"model.lr": 0.1}}}}, "`arms.plain.tune.model.lr` to be a list"),
        ({"tuning": {"seed": 1, "metric": "x"}}, "`tuning.seed` to be none of `seeds`, got 1"),
        ({"tuning": {"seed": 9, "metric": "x", "mode": "best"}}, "`tuning.mode` to be max or min, got 'best'"),
        ({"settings": {"evaluation": {"validate": False}}}, "`evaluation.validate` to true"),
        ({"settings": {"trainer": {"val_check_interval": 4}}}, "to divide the 6 steps of a run, got 4"),
        ({"settings": [1]}, "`settings` to hold keys and values, got [1]"),
    ],
)
def test_refuses(tmp_path, change, message):
    with pytest.raises(ValueError, match="Expected ") as error:
        make_study(tmp_path, change)
    assert message in str(error.value)


def test_evidence_is_a_table_a_title_and_the_command_that_wrote_it(tmp_path):
    (tmp_path / "why.csv").write_text("a,b\n1,2\n")
    evidence = {"title": "Why", "table": "${here}/why.csv", "command": "python -m why"}
    study = make_study(tmp_path, {"evidence": [evidence, evidence | {"note": "See."}]})
    assert study.evidence[0] == Evidence("Why", tmp_path / "why.csv", "python -m why")
    assert study.evidence[1].note == "See."


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"title": "Why", "table": "why.csv"}, "evidence to have 'command', got none"),
        ({"title": "Why", "tabel": "why.csv"}, "got 'tabel'. Did you mean 'table'"),
    ],
)
def test_evidence_is_refused(tmp_path, given, message):
    with pytest.raises(ValueError, match="Expected ") as error:
        make_study(tmp_path, {"evidence": [given]})
    assert message in str(error.value)
    with pytest.raises(ValueError, match="`evidence` to be a list"):
        make_study(tmp_path, {"evidence": given})


def test_pairs_of_arms_are_compared(tmp_path):
    assert make_study(tmp_path, {"compare": [["token", "plain"]]}).compare == (("token", "plain"),)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (["token"], "`compare` to hold pairs of different arms, got 'token'"),
        ([["token", "token"]], "`compare` to hold pairs of different arms, got ['token', 'token']"),
        ([["tokn", "plain"]], "`compare` to name arms, got 'tokn'. Did you mean 'token'"),
        ("token", "`compare` to be a list"),
    ],
)
def test_other_pairs_are_refused(tmp_path, given, message):
    with pytest.raises(ValueError, match="Expected ") as error:
        make_study(tmp_path, {"compare": given})
    assert message in str(error.value)


def test_a_missing_config_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.yaml"):
        make_study(tmp_path, {"configs": ["none.yaml"]})
