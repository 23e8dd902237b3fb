"""The loss curve: over all lives, what was undone by a resume left out."""

import numpy as np
from lightning.pytorch.loggers import CSVLogger
from PIL import Image

from lightning_compose.callbacks.loss_curve import LossCurve, draw, read_points, running_mean


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


def test_an_empty_life_replaces_nothing(tmp_path):
    files = [life(tmp_path, 0, "step,a\n0,5\n"), life(tmp_path, 1, "step,a\n")]
    assert read_points(files, ["a"]) == {"a": [(0, 5)]}


def test_the_running_mean_is_that_of_the_last_values():
    values = np.random.default_rng(0).normal(size=50)
    expected = [values[max(0, i - 6) : i + 1].mean() for i in range(50)]
    np.testing.assert_allclose(running_mean(values, 7), expected)


def test_the_curve_is_drawn_from_the_files_of_all_lives_in_their_order(train, tmp_path, monkeypatch):
    for number in (2, 10, 9):
        life(tmp_path / "csv", number, "step,train/loss\n1,0.5\n")
    read: list[list[str]] = []

    def spy(files, metrics):
        read.append([file.parent.name for file in files])
        return read_points(files, metrics)

    monkeypatch.setattr("lightning_compose.callbacks.loss_curve.read_points", spy)
    train(1, [LossCurve()], logger=CSVLogger(tmp_path, name="csv"))
    assert read == [["version_2", "version_9", "version_10", "version_11"]]
    assert (tmp_path / "loss_curve.png").is_file()


def test_lines_short_and_long_make_a_picture(tmp_path):
    draw({"long": [(i, 1 / (i + 1)) for i in range(100)], "short": [(5, 0.5)], "none": []}, tmp_path / "a.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_without_csv_there_is_nothing_to_draw(train, tmp_path):
    train(1, [LossCurve()])
    assert not (tmp_path / "loss_curve.png").exists()
