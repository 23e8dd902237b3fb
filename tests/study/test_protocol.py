"""What was run: settings as merged from what all have, the arm's own and what was chosen."""

import pytest
from made_study import made_study

from lightning_compose.study import protocol
from lightning_compose.study.findings import find

SETTINGS = {
    "data": {"global_batch_size": 32},
    "model": {"optimizer": {"init_args": {"lr": 3.0e-4}}},
    "losses": {"token": {"init_args": {"weight": 0.1}}, "pixel": {"init_args": {"weight": 0.01}}},
    "curriculum": {"stages": {"single": {"steps": 40}, "complex": {"steps": 60}}},
}
RATE = "model.optimizer.init_args.lr"


@pytest.fixture
def findings():
    tables = made_study({"base": 0.1, "plain": 0.4, "token": 0.4}, seeds=1, prompts=1)
    study = tables.study["study"]
    study["settings"] = SETTINGS
    study["arms"]["plain"]["config"] = {"losses": {"token": None, "pixel": None}, "curriculum": None}
    study["arms"]["token"] |= {"config": {"losses": {"pixel": None}}, "note": "TokenCompose's."}
    study["tuning"] = {
        "seed": 100,
        "metric": "val/accuracy/mean",
        "settings": {"evaluation": {"prompts": "../validation.jsonl"}},
    }
    tried = [{"values": {RATE: rate}, "score": score} for rate, score in ((1e-4, 0.5), (3e-4, 0.25))]
    tables.study["tuned"] = {"token": {"choice": {RATE: 1e-4}, "tries": tried}}
    return find(tables)


def test_settings_of_each_arm(findings):
    rows = protocol.arms(findings)[1:]
    assert [row[4:] for row in rows] == [
        ("", "", "", ""),
        ("32", "0.0003", "denoising", "none"),
        ("32", "0.0001", "denoising, token 0.1", "strict: single 40, complex 60"),
    ]
    assert [row[2:4] for row in rows] == [("1", "0"), ("1", "100"), ("1", "100")]


def test_what_is_not_set_has_the_default(findings):
    del findings.tables.study["study"]["settings"]
    assert protocol.arms(findings)[2][4:] == ("default", "default", "denoising", "none")


def test_all_tries_are_told(findings):
    assert protocol.tries(findings)[1:] == [
        ("`token`", f"`{RATE}` 0.0001", "0.5000", "taken"),
        ("`token`", f"`{RATE}` 0.0003", "0.2500", ""),
    ]
    assert "highest `val/accuracy/mean` on the prompts of `validation.jsonl`" in protocol.tuning(findings)


@pytest.mark.parametrize(("key", "value"), [("tuning", None), ("tuned", {})])
def test_nothing_was_tuned(findings, key, value):
    study = findings.tables.study
    (study if key in study else study["study"])[key] = value
    assert "No value was tuned" in protocol.tuning(findings)


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({}, "`constant_with_warmup` and the weights are not averaged: an earlier step is a shorter training."),
        ({"ema": {"decay": 0.99}}, "decay 0.99 draws: an earlier step is a shorter"),
        ({"model": {"lr_schedule": "cosine"}}, "is less than a shorter training"),
    ],
)
def test_whether_an_earlier_step_is_a_shorter_training(findings, settings, text):
    findings.tables.study["study"]["settings"] = settings
    assert text in protocol.schedule(findings)


def test_notes_machine_and_configs(findings):
    assert protocol.notes(findings) == ["`token`: TokenCompose's."]
    assert protocol.circumstances(findings) == [
        "a machine; torch 2.9.0. Seconds are wall-clock time with 2 runs side by side, 1 thread each.",
        "The first run began at 2026-01-01T00:00:00+00:00, the last ended at 2026-01-01T01:00:00+00:00, "
        "60 minutes after the first of all.",
    ]
    assert "token:\n  losses:\n    pixel: null\n" in protocol.differing(findings)


def test_the_time_of_the_tries_is_told(findings):
    later, earlier = ([{"began": f"2025-12-31T2{hour}:00:00+00:00"}] for hour in (3, 2))
    findings.tables.study["lives_of_tries"] = {"tuning a": later, "tuning b": earlier, "tuning c": []}
    *_, when = protocol.circumstances(findings)
    assert when.startswith("The first try of a value began at 2025-12-31T22:00:00+00:00. The first run began at 2026")
    assert when.endswith("180 minutes after the first of all.")


def test_runs_that_were_computed_otherwise_are_named(findings):
    lives = findings.tables.study["lives"]
    lives["token:0"] = [lives["plain:0"][0], lives["plain:0"][0] | {"versions": {"torch": "2.10.0"}, "jobs": 1}]
    all_but_one, one, when = protocol.circumstances(findings)
    assert all_but_one.startswith("`plain:0`, `token:0`: a machine; torch 2.9.0.")
    assert (
        one == "`token:0`: a machine; torch 2.10.0. Seconds are wall-clock time with 1 run side by side, 1 thread each."
    )
    assert when.endswith("Interrupted and gone on with: `token:0`.")
