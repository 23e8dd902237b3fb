"""The loss curve, and beside it the terms where there are any."""

import numpy as np
import pytest
from lightning.pytorch.loggers import CSVLogger
from PIL import Image

from lightning_compose.callbacks.loss_curve import LossCurve, draw
from lightning_compose.callbacks.terms_plot import draw_terms
from lightning_compose.losses import TokenLoss


def written(folder):
    return sorted(each.name for each in folder.glob("*.png"))


def test_the_curve_is_drawn_over_all_lives(train, tmp_path, monkeypatch):
    drawn = {}
    monkeypatch.setattr("lightning_compose.callbacks.loss_curve.draw", lambda points, file: drawn.update(points))
    for _ in range(2):
        train(2, [LossCurve()], logger=CSVLogger(tmp_path, name="csv"))
        (tmp_path / "csv/version_0/metrics.csv").write_text("step,train/loss\n-1,0.5\n")
    assert [step for step, _ in drawn["train/loss"]] == [-1, 0, 1]


def test_plain_training_has_one_picture(train, tmp_path):
    train(1, [LossCurve()], logger=CSVLogger(tmp_path, name="csv"))
    assert written(tmp_path) == ["loss_curve.png"]


def test_terms_have_a_picture_of_their_own(train, tmp_path, monkeypatch):
    drawn = {}

    def spy(points, file):
        drawn.update(points)
        draw_terms(points, file)

    monkeypatch.setattr("lightning_compose.callbacks.loss_curve.draw_terms", spy)
    train(2, [TokenLoss(weight=0.5), LossCurve()], logger=CSVLogger(tmp_path, name="csv"))
    assert written(tmp_path) == ["loss_curve.png", "loss_terms.png"]
    values = {name: dict(points)[1] for name, points in drawn.items()}
    assert {"train/loss", "train/denoise", "train/token_loss", "train/token_loss_in_mask_share"} <= set(values)
    assert values["train/loss"] == pytest.approx(values["train/denoise"] + values["train/token_loss_weighted"])
    assert not {"train/lr", "train/grad_norm", "train/images_per_s"} & set(values)


def test_lines_short_and_long_make_a_picture(tmp_path):
    draw({"long": [(i, 1 / (i + 1)) for i in range(100)], "short": [(5, 0.5)], "none": []}, tmp_path / "a.png")
    assert len(np.unique(np.asarray(Image.open(tmp_path / "a.png").convert("RGB")).reshape(-1, 3), axis=0)) > 10


def test_without_csv_there_is_nothing_to_draw(train, tmp_path):
    train(1, [LossCurve()])
    assert written(tmp_path) == []
