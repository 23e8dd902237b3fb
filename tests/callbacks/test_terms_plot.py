"""The plot of the terms: which metrics it shows, and what each term's part is."""

import math

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lightning_compose.callbacks.terms_plot import draw_terms, loss_shares, metrics_of_terms, panel_names

LOGGED = [
    "epoch",
    "step",
    "train/contrastive",
    "train/contrastive_accuracy",
    "train/contrastive_weighted",
    "train/denoise",
    "train/grad_norm",
    "train/images_per_s",
    "train/loss",
    "train/lr",
    "train/unsupervised_nouns_per_sample",
    "val/contrastive",
    "val/loss",
    "test/loss",
]


@pytest.fixture
def panels(monkeypatch):
    """The panels of the next figure that is saved."""
    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.extend(figure.axes))
    return drawn


def test_terms_and_measures_are_shown_and_the_optimizer_is_not():
    shown = metrics_of_terms(LOGGED)
    assert set(LOGGED) - set(shown) == {
        "epoch",
        "step",
        "test/loss",
        "train/lr",
        "train/grad_norm",
        "train/images_per_s",
    }
    names = ["loss", "denoise", "contrastive", "contrastive_accuracy", "unsupervised_nouns_per_sample"]
    assert panel_names(shown) == names


def test_denoising_alone_needs_no_plot():
    assert metrics_of_terms(["train/loss", "train/denoise", "val/loss", "val/denoise"]) == []


def test_shares_sum_to_one_and_a_term_that_is_off_has_none():
    points = {
        "train/denoise": [(0, 3.0), (1, 1.0), (2, 0.0)],
        "train/token": [(0, 10.0), (1, 10.0)],
        "train/token_weighted": [(0, 1.0), (2, 0.0)],
        "val/token_weighted": [(7, 1.0)],
    }
    steps, shares = loss_shares(points)
    assert steps.tolist() == [0, 1, 2]
    np.testing.assert_allclose(shares["denoise"], [0.75, 1, 0])
    np.testing.assert_allclose(shares["token"], [0.25, 0, 0])


def test_each_panel_has_training_and_validation(panels, tmp_path):
    points = {name: [(0, 1.0), (5, 2.0)] for name in metrics_of_terms(LOGGED)}
    points["train/contrastive_accuracy"] = [(0, math.nan), (5, 0.5)]
    draw_terms(points, tmp_path / "a.png")
    lines = {axes.get_title(): [line.get_label() for line in axes.lines] for axes in panels}
    assert lines["contrastive"] == lines["loss"] == ["train", "val"]
    assert lines["denoise"] == ["train"]
    accuracy = next(axes for axes in panels if axes.get_title() == "contrastive_accuracy")
    assert accuracy.lines[0].get_xydata().tolist() == [[5, 0.5]]
    assert [text.get_text() for text in panels[5].get_legend().get_texts()] == ["denoise", "contrastive"]


def test_it_makes_a_picture(tmp_path):
    points = {name: [(i, 1 / (i + 1)) for i in range(100)] for name in metrics_of_terms(LOGGED)}
    draw_terms(points, tmp_path / "a.png")
    assert Image.open(tmp_path / "a.png").width == 1440
