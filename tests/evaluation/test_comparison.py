"""Before and after, by hand; pairs by prompt, images of one prompt together."""

from dataclasses import replace

import pytest
from scored import scored

from lightning_compose.evaluation.comparison import MEAN, compare, conclusion, rows, table


def by_name(compared):
    return {(each.name, each.split): each for each in compared}


def test_by_hand():
    names = [("color", "a"), ("color", "b"), ("shape", "c"), ("shape", "d")]
    before = [scored(name, correct, text) for (name, text), correct in zip(names, (1, 0, 0, 0), strict=True)]
    after = [scored(name, correct, text) for (name, text), correct in zip(names, (1, 1, 1, 0), strict=True)]
    compared = by_name(compare(before, reversed(after)))
    color, mean = compared["color", "seen"], compared[MEAN, "both"]
    assert (color.before, color.after, color.difference, color.prompts) == (0.5, 1.0, 0.5, 2)
    assert (mean.before, mean.after, mean.prompts) == (0.25, 0.75, 4)
    # Both categories' differences are one 0 and one 1.
    assert (color.low, color.high) == (0.0, 1.0)
    assert ("color", "held_out") not in compared


def test_multigen_and_objects():
    before = [scored("multigen", False, text, found=found) for text, found in (("a", 2), ("b", 4))]
    after = [scored("multigen", False, text, found=found) for text, found in (("a", 3), ("b", 5))]
    before.append(scored("color", False, "c", found=1))
    after.append(scored("color", False, "c", found=2))
    compared = by_name(compare(before, after))
    assert [(compared[f"mg{k}", "seen"].before, compared[f"mg{k}", "seen"].after) for k in range(2, 6)] == [
        (1.0, 1.0),
        (0.5, 1.0),
        (0.5, 0.5),
        (0.0, 0.5),
    ]
    assert compared["object accuracy", "seen"].difference == 1.0


def test_the_mean_is_of_categories_not_of_prompts():
    rows_after = [scored("color", True, text) for text in "abc"] + [scored("shape", False, "d")]
    mean = by_name(compare([replace(each, correct=False) for each in rows_after], rows_after))[MEAN, "seen"]
    assert (mean.before, mean.after) == (0.0, 0.5)


def test_objects_are_of_prompts_with_two_and_more():
    single = replace(scored("color", True, "a", found=1), objects=1)
    assert ("object accuracy", "seen") not in by_name(compare([single], [single]))


def test_splits_stand_apart_and_together():
    before = [scored("color", True, "a"), scored("color", False, "b", split="held_out")]
    compared = by_name(compare(before, [replace(each, correct=True) for each in before]))
    assert [compared["color", split].difference for split in ("seen", "held_out", "both")] == [0.0, 1.0, 0.5]


def test_images_of_one_prompt_are_one_value():
    # Ten images of two prompts: the interval is that of two values, not of ten.
    pairs = [(text, seed) for text in "ab" for seed in range(5)]
    before = [scored("color", False, text, seed=seed) for text, seed in pairs]
    after = [scored("color", text == "a", text, seed=seed) for text, seed in pairs]
    color = by_name(compare(before, after))["color", "seen"]
    assert (color.low, color.high, color.prompts) == (0.0, 1.0, 2)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [(0, 1, "rises from 0.0 % to 100.0 %"), (1, 0, "falls"), (1, 1, "no more than chance")],
)
def test_it_says_what_became_of_the_mean(before, after, words):
    compared = compare(*([scored("color", right, text) for text in "abcde"] for right in (before, after)))
    assert words in conclusion(compared)


def test_where_nothing_varies_the_interval_claims_no_certainty():
    none = [scored("color", False, text) for text in "abcdef"]
    color = by_name(compare(none, none))["color", "seen"]
    # Were more than 39.3 % of all prompts others, six had shown one with 95 %.
    assert (color.low, color.high) == pytest.approx((-0.393, 0.393), abs=5e-4)
    assert "-39.3 to +39.3" in table(compare(none, none))[1]
    one = [scored("color", False, "a")], [scored("color", True, "a")]
    assert "no more than chance" in conclusion(compare(*one))


@pytest.mark.parametrize("sign", [1, -1])
def test_one_prompt_of_ten_may_be_chance(sign):
    before, after = ([scored("color", text == better, text) for text in "abcdefghij"] for better in ("", "a"))
    assert "no more than chance" in conclusion(compare(*(before, after)[::sign]))


def test_it_speaks_of_both_splits():
    before = [scored("color", False, "a"), scored("color", False, "b", split="held_out")]
    after = [replace(before[0], correct=True), before[1]]
    assert "to 50.0 %" in conclusion(compare(before, after))


def test_without_categories_it_says_so():
    assert "not compared" in conclusion(compare([scored("multigen", 0, "a")], [scored("multigen", 0, "a")]))


def test_refuses_other_prompts():
    with pytest.raises(ValueError, match="the same prompts and seeds before and after, got 2"):
        compare([scored("color", 1, "a", seed=0)], [scored("color", 1, "a", seed=1)])


def test_the_tables_have_a_row_each():
    compared = compare([scored("color", 0, "a")], [scored("color", 1, "a")])
    assert rows(compared)[1] == ("color", "seen", "1", "0.000000", "1.000000", "1.000000", "-0.900000", "1.000000")
    assert table(compared)[1] == ("color", "seen", "0.0", "100.0", "+100.0", "-90.0 to +100.0")


def test_of_both_splits_the_table_has_the_mean_alone():
    scores = [scored("color", True, "a"), scored("color", True, "b", split="held_out")]
    shown = [row[:2] for row in table(compare(scores, scores))[1:]]
    assert [name for name, split in shown if split == "both"] == [MEAN]
    assert ("color", "held out") in shown
