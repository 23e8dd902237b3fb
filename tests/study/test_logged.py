"""What is read from a run's tables, over its lives."""

import pytest
import yaml
from study_configs import make_study

from lightning_compose.study.logged import evaluated_steps, evaluations, last_value, steps_so_far, terms
from lightning_compose.study.runs import plan
from lightning_compose.study.tables import Term


@pytest.fixture
def runs(tmp_path):
    study = make_study(tmp_path / "configs")
    return {run.name: run for run in plan(study, tmp_path / "out", {"plain": {}, "token": {}}, 60.0)}


@pytest.fixture
def run(runs):
    """One that was killed after step 5, whose checkpoint was of step 4."""
    run = runs["plain:0"]
    evaluated(run, 3, 6)
    first = [*trained(range(5), images_per_s=2.0), {"step": 2, "val/denoise": 0.5, "val/kid": 0.25}]
    second = [*trained(range(4, 6), images_per_s=4.0), {"step": 5, "val/denoise": 0.25, "val/accuracy/mean": 0.75}]
    write_lives(run, "csv", first, second)
    (run.folder / "config.yaml").write_text(yaml.safe_dump({"data": {"global_batch_size": 4}}))
    return run


def trained(rows, images_per_s):
    return [{"step": row, "train/flops": 10.0 * (row + 1), "train/images_per_s": images_per_s} for row in rows]


def write_lives(run, name, *lives):
    for number, rows in enumerate(lives):
        names = list(dict.fromkeys(name for row in rows for name in row))
        lines = [names, *([str(row.get(each, "")) for each in names] for row in rows)]
        file = run.folder / name / f"version_{number}/metrics.csv"
        file.parent.mkdir(parents=True)
        file.write_text("".join(f"{','.join(cells)}\n" for cells in lines))


def evaluated(run, *steps):
    for step in steps:
        (run.folder / f"evaluation/{step:06d}").mkdir(parents=True)
        (run.folder / f"evaluation/{step:06d}/scores.csv").touch()


def test_each_evaluation_has_what_it_measured_and_what_the_run_had_cost(run):
    first, second = evaluations(run)
    assert (first.arm, first.seed, first.step, first.steps) == ("plain", 0, 3, 6)
    assert (first.flops, first.kid, first.clip_score, first.val_denoise) == (30, 0.25, None, 0.5)
    assert (second.flops, second.kid, second.val_denoise) == (60, None, 0.25)
    # A step of four images took two seconds, after the kill one.
    assert (first.seconds, second.seconds) == (6, 4 * 2 + 2 * 1)


def test_what_the_losses_of_a_run_came_to_where_it_was_evaluated(runs):
    run = runs["token:0"]
    evaluated(run, 3)
    # Read without its weight, at that step alone; `tokens` and `pixel` are no losses of this run.
    held_out = {
        "val/token": 0.5,
        "val/token_share": 0.25,
        "val/token_weighted": 0.1,
        "val/tokens": 1.0,
        "val/pixel": 1.0,
        "train/token": 1.0,
    }
    write_lives(run, "csv", [{"step": 1, "val/token": 0.75}, {"step": 2, **held_out}])
    assert terms(run) == [Term("token", 0, 3, "token", 0.5), Term("token", 0, 3, "token_share", 0.25)]
    evaluated(runs["plain:0"], 3)
    write_lives(runs["plain:0"], "csv", [{"step": 2, **held_out, "val/denoise": 0.125, "val/denoise_weighted": 1.0}])
    assert terms(runs["plain:0"]) == [Term("plain", 0, 3, "denoise", 0.125)]


def test_what_is_logged_every_so_many_steps_stands_for_those_before(runs):
    run = runs["plain:0"]
    evaluated(run, 6)
    write_lives(run, "csv", trained([1, 3, 5], images_per_s=2.0))
    (run.folder / "config.yaml").write_text(yaml.safe_dump({"data": {"global_batch_size": 4}}))
    assert [each.seconds for each in evaluations(run)] == [12]


def test_the_untrained_model_costs_nothing_and_its_last_measurement_counts(runs):
    base = runs["base"]
    evaluated(base, 0)
    write_lives(base, "validate", [{"step": 0, "val/denoise": 1.0}], [{"step": 0, "val/denoise": 2.0}])
    (only,) = evaluations(base)
    assert (only.step, only.steps, only.flops, only.seconds, only.val_denoise) == (0, 0, 0, 0, 2.0)


def test_evaluations_beyond_the_run_are_not_of_it(run):
    evaluated(run, 9)
    (run.folder / "evaluation/notes").mkdir()
    assert evaluated_steps(run) == [3, 6]


def test_how_far_a_run_is(run, runs):
    assert [steps_so_far(each) for each in (run, runs["token:0"], runs["base"])] == [6, 0, 0]


def test_the_last_value_of_a_metric(run):
    assert last_value(run, "val/accuracy/mean") == 0.75
    with pytest.raises(ValueError, match="plain:0 to log 'val/kid' at its last step"):
        last_value(run, "val/kid")


def test_a_run_that_does_not_count_is_refused(runs):
    evaluated(runs["plain:0"], 6)
    write_lives(runs["plain:0"], "csv", [{"step": 5, "train/images_per_s": 1.0}])
    with pytest.raises(ValueError, match=r"Set `flops\.count` to true"):
        evaluations(runs["plain:0"])
