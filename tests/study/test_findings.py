"""What a study has found so far, and what it lacks."""

import dataclasses

from made_study import made_study

from lightning_compose.evaluation.comparison import MEAN
from lightning_compose.study.findings import find

TABLES = made_study({"base": 0.3, "plain": 0.4, "token": 0.4}, seeds=2, prompts=2, costs={"token": 1.5})


def without(*runs):
    kept = tuple(
        tuple(each for each in rows if (each.arm, each.seed) not in runs) for rows in (TABLES.runs, TABLES.scores)
    )
    return dataclasses.replace(TABLES, runs=kept[0], scores=kept[1])


def test_a_whole_study_lacks_nothing():
    findings = find(TABLES)
    assert findings.missing == []
    assert findings.equal_steps.arms == ["base", "plain", "token"]
    assert [each.arm for each in findings.main] == ["token"]
    assert [each.step for each in findings.equal_steps.rows("token")] == [100, 100]
    assert [each.step for each in findings.equal_cost.rows("token")] == [50, 50]


def test_missing_runs_are_named_and_the_others_told():
    findings = find(without(("token", 1), ("base", 0)))
    assert findings.missing == [("base", 0), ("token", 1)]
    assert len(findings.equal_steps.of("token", MEAN, "seen").by_seed) == 1


def test_without_the_reference_nothing_is_compared():
    findings = find(without(("plain", 0), ("plain", 1)))
    assert findings.main == []
    assert findings.equal_steps.arms == ["base", "token"]
    assert findings.equal_cost.arms == []


def test_nothing_is_done_yet():
    findings = find(without(*find(TABLES).planned))
    assert findings.missing == list(findings.planned)
    assert findings.equal_steps.arms == []
