"""Sentences: what they say follows from the intervals."""

import pytest
from made_study import made_study

from lightning_compose.evaluation.comparison import MEAN
from lightning_compose.study.conclusions import caution, conclusions, main_sentence, pair_sentence, spread, summary
from lightning_compose.study.findings import Findings, Reached, find
from lightning_compose.study.statistics import Difference, Estimate


def estimated(arm, mean, interval=None, family=None, seeds=3):
    difference = Difference(mean - 0.4, interval, family or interval) if interval else None
    return Estimate(arm, MEAN, "held_out", mean, (0.0, 1.0), (mean,) * seeds, 96, difference)


def found(*estimates):
    reached = Reached({}, (estimated("plain", 0.4), *estimates))
    return Findings(made_study({"plain": 0.4}, seeds=1, prompts=1), "plain", (), reached, reached, reached)


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
        "At equal cost, accuracy on held-out compositions, against `plain`: above are `better` (+10.0); below are "
        "`worse` (-10.0); not told apart are `same` (+1.0)."
    )


def test_two_arms_are_compared_with_each_other():
    made = made_study({"base": 0.1, "plain": 0.3, "one": 0.2, "two": 0.9})
    made.study["study"]["compare"] = [["two", "one"], ["two", "missing"]]
    findings = find(made)
    ((two, one),) = findings.pairs
    assert (two.arm, one.arm, one.difference) == ("two", "one", None)
    assert two.difference.value == pytest.approx(two.mean - one.mean)
    assert pair_sentence(two, one).startswith("`two` is better than `one` on held-out compositions at equal steps: ")
    assert pair_sentence(two, one) in conclusions(findings)
    with pytest.raises(ValueError, match="compared with 'two'"):
        pair_sentence(one, two)


def test_every_arm_is_compared_with_the_base_and_by_the_quality_of_its_images():
    sentences = conclusions(find(made_study({"base": 0.1, "plain": 0.4, "token": 0.9})))
    (against,) = [each for each in sentences if "seen compositions, against `base`" in each]
    assert "above are `plain` (+" in against
    assert any(each.startswith("Image quality: KID (lower is better) is 0.0500 of `base`") for each in sentences)


def test_the_base_is_told_by_itself():
    base = estimated("base", 0.2, (-0.3, -0.1), seeds=1)
    sentences = conclusions(found(base, SAME))
    assert any("`base`, the model before fine-tuning, is below `plain`" in each for each in sentences)


def test_how_many_differences_are_told_and_how_small_they_may_be():
    text = caution(found(BETTER, WORSE, SAME))
    # Those at equal cost are the same, and one that cannot but be 0 is none.
    assert "tell 3 differences from `plain`" in text
    assert caution(found(BETTER, WORSE, SAME, estimated("none", 0.4, (0.0, 0.0)))).startswith(text[:50])
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
