"""Before and after, by hand; pairs by prompt, images of one prompt together."""

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
    compared = compare([scored("color", before, "a")], [scored("color", after, "a")])
    assert words in conclusion(compared)


def test_without_categories_it_says_so():
    assert "not compared" in conclusion(compare([scored("multigen", 0, "a")], [scored("multigen", 0, "a")]))


def test_refuses_other_prompts():
    with pytest.raises(ValueError, match="the same prompts and seeds before and after, got 2"):
        compare([scored("color", 1, "a", seed=0)], [scored("color", 1, "a", seed=1)])


def test_the_tables_have_a_row_each():
    compared = compare([scored("color", 0, "a")], [scored("color", 1, "a")])
    assert rows(compared)[1] == ("color", "seen", "1", "0.000000", "1.000000", "1.000000", "1.000000", "1.000000")
    assert table(compared)[1] == ("color", "seen", "0.0", "100.0", "+100.0", "+100.0 to +100.0")
