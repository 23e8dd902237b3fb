"""A verdict as a row, and rows through a file."""

from dataclasses import dataclass, replace

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.evaluation.prompts import BenchmarkPrompt
from lightning_compose.evaluation.scores import read_scores, score, write_scores

PROMPT = BenchmarkPrompt(
    'A red ring, and "a square"',
    7,
    "color",
    "held_out",
    (
        Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
        Question(1, "Is there a square?", "yes", "entity", ("square",)),
        Question(2, "Is the ring red?", "yes", "attribute", ("ring", "color", "red"), (0,)),
    ),
    "single",
)


@dataclass
class Verdict:
    answers: tuple[str, ...]
    right: tuple[bool, ...]

    @property
    def correct(self):
        return all(self.right)


def test_a_row_counts_objects_and_questions():
    row = score(3, PROMPT, Verdict(("yes", "no", "yes"), (True, False, True)), "images/00003.png", 71.23456)
    assert (row.index, row.seed, row.category, row.split, row.stage) == (3, 7, "color", "held_out", "single")
    assert (row.found, row.objects, row.right, row.questions, row.correct) == (1, 2, 2, 3, False)
    assert row.answers == "Is there a ring? yes | Is there a square? [no] | Is the ring red? yes"


def test_objects_alone_are_not_correct():
    row = score(0, PROMPT, Verdict(("yes", "yes", "no"), (True, True, False)), "", None)
    assert (row.found, row.right, row.correct) == (2, 2, False)
    row = score(0, PROMPT, Verdict(("no", "yes", "no"), (False, True, False)), "", None)
    assert (row.found, row.right, row.correct) == (1, 1, False)


def test_rows_survive_a_file(tmp_path):
    right = score(0, PROMPT, Verdict(("yes",) * 3, (True,) * 3), "", None)
    rows = [right, replace(right, index=1, correct=False, clip_score=12.5, file="images/00001.png")]
    rows.append(replace(right, index=2, clip_score=0.0))
    write_scores(rows, tmp_path / "new" / "scores.csv")
    assert read_scores(tmp_path / "new" / "scores.csv") == rows


@pytest.mark.parametrize("content", ["a,b\n1,2\n", "index\nx\n"])
def test_refuses_other_tables(tmp_path, content):
    (tmp_path / "scores.csv").write_text(content)
    with pytest.raises(ValueError, match="to be a table as `test` or `score` writes it"):
        read_scores(tmp_path / "scores.csv")


def test_refuses_what_is_missing_or_empty(tmp_path):
    with pytest.raises(FileNotFoundError, match="Expected the scores of a benchmark"):
        read_scores(tmp_path / "scores.csv")
    write_scores([], tmp_path / "scores.csv")
    with pytest.raises(ValueError, match="at least one row"):
        read_scores(tmp_path / "scores.csv")
