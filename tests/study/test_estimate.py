"""What a study takes: by hand, and what is done counts no more."""

from study_configs import TUNING, make_study

from lightning_compose.study.estimate import Effort, all_runs, effort, effort_rows
from lightning_compose.study.runs import begin, finish
from lightning_compose.study.tuning import all_tries


def planned(folder):
    study = make_study(folder / "configs", TUNING)
    for name, prompts in (("test", 5), ("validation", 3)):
        (folder / f"configs/{name}.jsonl").write_text("{}\n" * prompts)
    return all_tries(study, folder / "out"), all_runs(study, folder / "out")


def test_of_runs_of_which_none_has_begun(tmp_path):
    tried, runs = planned(tmp_path)
    # Six steps, validated at the end.
    assert effort(tried) == Effort(3, 18, 3, 9)
    # The base; twice two evaluations; twice two and one at equal cost.
    assert effort(runs) == Effort(5, 24, 1 + 4 + 6, 55)


def test_what_is_done_is_not_left(tmp_path):
    tried, runs = planned(tmp_path)
    for each in (tried[0], runs[1]):
        begin(each)
        finish(each, 1.0, 1.0)
    rows = effort_rows(tried, runs)
    assert [row[0] for row in rows] == ["", "tuning", "runs", "all", "not done yet"]
    assert rows[-2:] == [("all", "8", "42", "14", "64"), ("not done yet", "6", "30", "11", "51")]
