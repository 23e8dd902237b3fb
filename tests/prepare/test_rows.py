"""Rows survive their line, and a line that is none is refused."""

import pytest
from made_prompts import prompt_row

from lightning_compose.data.schema import Phrase, Question, Rle
from lightning_compose.prepare.rows import (
    Judged,
    MaskedNoun,
    MasksRow,
    NegativeJudged,
    NegativesRow,
    PromptRow,
    VerifiedRow,
    from_line,
    to_line,
)

QUESTION = Question(1, "Is there a cup?", "yes", "entity", ("cup",), (0,))
JUDGED = Judged("verify/x.webp", 2**31, ("yes",), 0.5, False, 0.25)
ROWS = [
    prompt_row("a/../b", questions=(QUESTION,), source={"index": [1, {"x": None}]}),
    VerifiedRow("a", "A caf\u00e9.", (QUESTION,), (JUDGED,), None, True, "not_aligned", {"answerer": "x"}),
    NegativesRow("a", "n", (NegativeJudged("x", 1, ("no",), True, -0.5),), 0, "edited", None, {}),
    MasksRow("a", (MaskedNoun("cup", ((2, 5),), (Phrase("red", ((8, 11),)),), None, (), ()),), "no_mask", {}),
    MasksRow(
        "a", (MaskedNoun("cup", ((2, 5),), (), Rle((8, 9), "0o"), ((0.5, 1.0, 2.0, 3.0),), (0.25,)),), None, {"x": "y"}
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: type(row).__name__)
def test_a_row_survives_its_line(row):
    line = to_line(row)
    assert line.endswith("}\n")
    assert from_line(type(row), line, "f:1") == row
    assert to_line(from_line(type(row), line, "f:1")) == line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"model"', '"modle"', "in `model`: Expected a value, got none"),
        ('"depends_on"', '"depends"', "in `questions.0.depends`: Expected a known key"),
        ('"seed": 0', '"seed": "0"', "in `seed`: Expected a valid integer, got '0'"),
        ('"seed": 0', '"seed": true', "in `seed`: Expected a valid integer, got True"),
        ('"seed": 0', '"seed": ', "Invalid JSON"),
    ],
)
def test_what_is_no_row_is_refused(old, new, message):
    line = to_line(ROWS[0])
    assert old in line
    with pytest.raises(ValueError, match=f"Expected f:1 to be a PromptRow, .*{message}"):
        from_line(PromptRow, line.replace(old, new), "f:1")
