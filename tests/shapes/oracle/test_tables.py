"""Outcomes as Markdown: counts by hand, in the rows and columns that are theirs."""

from collections import Counter

from lightning_compose.shapes.oracle.tables import confusion_tables, markdown, smear_rows, trial_rows
from lightning_compose.shapes.oracle.trials import NOTHING, Trial

TRIAL = Trial(
    asked=Counter(entity=8, attribute=4, count=2, relation=5, scene=1),
    right=Counter(entity=6, attribute=1, count=2, relation=2, scene=0),
    confused=Counter({("color", "red", "pink"): 3, ("color", "pink", NOTHING): 2, ("shape", NOTHING, "ring"): 1}),
    images=40,
    faultless=5,
    seconds=16.0,
)


def cells(line):
    return [each.strip() for each in line.strip("|").split("|")]


def test_a_trial_is_a_row_of_percentages():
    assert trial_rows({"renders": TRIAL, "none": Trial(images=1, seconds=1.0)})[0] == {
        "images": "renders",
        "questions": 20,
        "right, %": "55.0",
        "entity": "75.0",
        "attribute": "25.0",
        "count": "100.0",
        "relation": "40.0",
        "scene": "0.0",
        "images without error, %": "12.5",
        "images/s of a core": "2",
    }


def test_each_trial_has_its_own_row():
    rows = trial_rows({"renders": TRIAL, "none": Trial(images=1, seconds=1.0)})
    assert [(row["images"], row["questions"]) for row in rows] == [("renders", 20), ("none", 0)]


def test_smears_are_told_by_prompts_and_by_objects():
    rows = smear_rows({"noise": (0, 1), "blobs": (3, 20)}, prompts=16, objects=40)
    assert [list(row.values()) for row in rows] == [["noise", 16, 0, "2.5"], ["blobs", 16, 3, "50.0"]]


def test_a_table_has_a_header_a_rule_and_a_line_a_row():
    assert markdown([{"a": "x", "b": 1, "c": 2}, {"a": "y", "b": 3, "c": 4}]).splitlines() == [
        "| a | b | c |",
        "| --- | ---: | ---: |",
        "| x | 1 | 2 |",
        "| y | 3 | 4 |",
    ]


def test_what_is_there_is_the_row_and_what_was_read_the_column():
    shapes, colors, textures = (table.splitlines() for table in confusion_tables(TRIAL).split("\n\n"))
    assert [cells(table[0])[0] for table in (shapes, colors, textures)] == ["shape", "color", "texture"]
    by_row = {cells(line)[0]: dict(zip(cells(colors[0]), cells(line), strict=True)) for line in colors[2:]}
    assert (by_row["red"]["pink"], by_row["pink"]["red"], by_row["pink"][NOTHING]) == ("3", "0", "2")
    assert list(by_row) == cells(colors[0])[1:]
    unseen = dict(zip(cells(shapes[0]), cells(shapes[-1]), strict=True))
    assert (unseen["shape"], unseen["ring"], unseen["circle"]) == (NOTHING, "1", "0")
