"""Sentences: what they say follows from the intervals."""

import pytest
from made_study import made_study

from lightning_compose.evaluation.comparison import MEAN
from lightning_compose.study.conclusions import caution, conclusions, main_sentence, spread, summary
from lightning_compose.study.findings import Findings, Reached, find
from lightning_compose.study.statistics import Difference, Estimate


def estimated(arm, mean, interval=None, family=None, seeds=3):
    difference = Difference(mean - 0.4, interval, family or interval) if interval else None
    return Estimate(arm, MEAN, "held_out", mean, (0.0, 1.0), (mean,) * seeds, 96, difference)


def found(*estimates):
    reached = Reached({}, (estimated("plain", 0.4), *estimates))
    return Findings(made_study({"plain": 0.4}, seeds=1, prompts=1), "plain", (), reached, reached)


BETTER = estimated("better", 0.5, (0.02, 0.18), (-0.01, 0.21), seeds=1)
WORSE = estimated("worse", 0.3, (-0.15, -0.05))
SAME = estimated("same", 0.41, (-0.05, 0.07))


def test_the_main_sentence():
    findings = found(BETTER, WORSE, SAME)
    assert main_sentence(BETTER, findings) == (
        "`better` is better than `plain` on held-out compositions at equal steps: 50.0 % against 40.0 %, +10.0 points "
        "(95 % interval +2.0 to +18.0; 1 seed against 3 seeds, 96 prompts). Corrected for 3 comparisons (Bonferroni) "
        "it is -1.0 to +21.0 and holds 0."
    )
    assert "`worse` is worse than `plain`" in main_sentence(WORSE, findings)
    assert main_sentence(WORSE, findings).endswith("is -15.0 to -5.0 and still leaves out 0.")
    assert "`same` is not told apart from `plain`" in main_sentence(SAME, findings)
    assert "Bonferroni" not in main_sentence(SAME, findings)


def test_the_summary_sorts_arms_by_their_intervals():
    text = summary(found(BETTER, WORSE, SAME).equal_steps, MEAN, "held_out", "at equal cost", "plain")
    assert text == (
        "At equal cost, accuracy on held-out compositions, against `plain`: above are `better`; below are `worse`; "
        "not told apart are `same`."
    )


def test_the_base_is_told_by_itself():
    base = estimated("base", 0.2, (-0.3, -0.1), seeds=1)
    sentences = conclusions(found(base, SAME))
    assert sum("`base`" in each for each in sentences) == 1
    assert any("`base`, the model before fine-tuning, is below `plain`" in each for each in sentences)


def test_how_many_differences_are_told_and_how_small_they_may_be():
    text = caution(found(BETTER, WORSE, SAME))
    assert "tell 6 differences" in text
    assert "is asked of 3 arms" in text
    assert "reach 6.0 points" in text


def test_how_far_seeds_are_apart():
    two, alone = made_study({"plain": 0.4}, seeds=2), made_study({"plain": 0.4}, seeds=1, prompts=1)
    assert "in `plain`" in spread(find(two))
    assert spread(find(alone)) == "No arm has two seeds yet."


def test_an_arm_alone_is_no_comparison():
    assert conclusions(found()) == ["Nothing is compared yet: no run of `plain` and of another arm is done."]
    with pytest.raises(ValueError, match="compared with the reference"):
        main_sentence(estimated("plain", 0.4), found())
