"""Which table `compare` takes of what it is given."""

import pytest

from lightning_compose.cli.compare import scores_file


@pytest.fixture
def run(tmp_path):
    for name in ("evaluation/000099", "evaluation/1000000", "evaluation/notes"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "scores.csv").touch()
    return tmp_path


def test_a_table_is_taken_as_it_is(run):
    assert scores_file(run / "evaluation/000099/scores.csv") == run / "evaluation/000099/scores.csv"
    assert scores_file(run / "none.csv") == run / "none.csv"


def test_a_folder_gives_its_table(run):
    assert scores_file(run / "evaluation/notes") == run / "evaluation/notes/scores.csv"


def test_a_run_gives_that_of_its_last_step(run):
    assert scores_file(run) == run / "evaluation/1000000/scores.csv"


def test_a_folder_without_one_is_named_as_if_it_had(tmp_path):
    assert scores_file(tmp_path) == tmp_path / "scores.csv"
