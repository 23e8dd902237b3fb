"""The overfitting experiment runs, draws and tells its numbers."""

import re

import numpy as np
import pytest
from PIL import Image

from benchmarks import overfit
from lightning_compose.callbacks.metric_curves import read_points


def test_two_steps(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(overfit, "PAIRS", 2)
    monkeypatch.setattr(overfit, "LAST_STEPS", 1)
    sizes = "--data.global_batch_size 2 --data.micro_batch_size 2 --data.num_workers 0 --pictures.num_inference_steps 1"
    points = overfit.overfit(tmp_path, ["--trainer.max_steps", "2", *sizes.split()])
    assert [[step for step, _ in series] for series in points.values()] == [[0, 1], [0, 1]]
    overfit.draw(points, tmp_path / "overfit.png")
    assert Image.open(tmp_path / "overfit.png").width > 1000
    overfit.write(points, tmp_path / "overfit.csv")
    again = read_points([tmp_path / "overfit.csv"], list(points))
    assert np.array(again["train/token_in_mask_share"]) == pytest.approx(
        np.array(points["train/token_in_mask_share"]), abs=1e-4
    )
    shares = [value for _, value in points["train/token_in_mask_share"]]
    rows = overfit.table(points).splitlines()
    assert re.search(rf"\| {shares[0]:.3f} \| {shares[1]:.3f} \| > 0.8 \|$", rows[2])


def test_the_page_shows_the_committed_values():
    points = read_points([overfit.VALUES], list(overfit.AIMS))
    page = (overfit.ROOT / "docs/losses.md").read_text()
    assert overfit.table(points) in page
    for name, (aim, _) in overfit.AIMS.items():
        last = [value for _, value in points[name][-overfit.LAST_STEPS :]]
        assert sum(last) / len(last) > aim
