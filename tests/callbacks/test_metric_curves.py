"""Metrics over all lives: what was undone by a resume left out."""

import numpy as np
from lightning.pytorch.loggers import CSVLogger
from matplotlib.figure import Figure

from lightning_compose.callbacks.metric_curves import draw_line, metric_files, read_names, read_points, running_mean


def life(folder, number, text):
    file = folder / f"version_{number}" / "metrics.csv"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_a_resumed_life_replaces_what_it_repeats(tmp_path):
    first = life(tmp_path, 0, "step,train/loss,val/loss\n0,5,\n1,4,\n1,,9\n2,3,\n")
    second = life(tmp_path, 1, "step,train/lr,train/loss\n2,0.1,2.5\n3,0.1,2\n")
    points = read_points([first, second], ["train/loss", "val/loss"])
    assert points == {"train/loss": [(0, 5), (1, 4), (2, 2.5), (3, 2)], "val/loss": [(1, 9)]}


def test_a_validation_that_was_made_up_for_replaces_no_training(tmp_path):
    first = life(tmp_path, 0, "step,train/loss,val/loss\n0,5,\n1,4,\n1,,9\n2,3,\n")
    second = life(tmp_path, 1, "step,train/loss,val/loss\n1,,8\n2,2.5,\n")
    points = read_points([first, second], ["train/loss", "val/loss"])
    assert points == {"train/loss": [(0, 5), (1, 4), (2, 2.5)], "val/loss": [(1, 8)]}


def test_an_empty_life_replaces_nothing(tmp_path):
    files = [life(tmp_path, 0, "step,a\n0,5\n"), life(tmp_path, 1, "step,a\n")]
    assert read_points(files, ["a"]) == {"a": [(0, 5)]}


def test_names_are_those_of_all_lives(tmp_path):
    files = [life(tmp_path, 0, "a,step\n"), life(tmp_path, 1, ""), life(tmp_path, 2, "b,step,a\n")]
    assert read_names(files) == ["a", "step", "b"]


def test_the_files_are_written_out_and_in_the_order_of_the_lives(make_trainer, tmp_path):
    for number in (2, 10, 9):
        life(tmp_path / "csv", number, "step,a\n1,0.5\n")
    logger = CSVLogger(tmp_path, name="csv")
    logger.log_metrics({"a": 1.0}, step=1)
    files = metric_files(make_trainer(logger=logger))
    assert [file.parent.name for file in files] == ["version_2", "version_9", "version_10", "version_11"]
    assert read_points(files[3:], ["a"]) == {"a": [(1, 1.0)]}


def test_without_csv_there_are_no_files(make_trainer):
    assert metric_files(make_trainer()) == []


def test_the_running_mean_is_that_of_the_last_values():
    values = np.random.default_rng(0).normal(size=50)
    expected = [values[max(0, i - 6) : i + 1].mean() for i in range(50)]
    np.testing.assert_allclose(running_mean(values, 7), expected)


def test_a_long_line_gets_its_mean_over_it_in_the_same_color():
    axes = Figure().add_subplot()
    draw_line(axes, [(0, 1.0), (1, 3.0)], "short")
    draw_line(axes, [(i, float(i)) for i in range(40)], "long", "C7")
    short, faint, mean = axes.lines
    assert (short.get_label(), mean.get_label()) == ("short", "long, mean of 4")
    assert faint.get_color() == mean.get_color() == "C7"
    assert list(mean.get_ydata()[-2:]) == [36.5, 37.5]
