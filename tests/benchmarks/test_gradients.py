"""How hard the losses pull: norms by hand, and a real run of two batches."""

import pytest
import torch

from benchmarks import gradients
from lightning_compose.documentation import read_csv

SIZES = "--data.global_batch_size 2 --data.micro_batch_size 2 --data.num_workers 0"


def test_two_steady_pulls_and_two_that_cancel():
    told = gradients.rows(
        {
            "denoise": torch.tensor([[3.0, 4.0], [3.0, 4.0]]),
            "token": torch.tensor([[0.0, 10.0], [0.0, -10.0]]),
        }
    )
    assert told[0] == {"term": "denoise", "norm": "5.000", "steady": "1.00", "as_denoise": "1.000"}
    assert told[1] == {"term": "token", "norm": "10.000", "steady": "0.00", "as_denoise": "0.500"}


def test_the_table_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gradients, "measure", lambda steps, arguments: {"denoise": torch.ones(2, 1)})
    gradients.main(["--csv", str(tmp_path / "gradients.csv")])
    assert "| denoise | 1.000 | 1.00 | 1.000 |" in capsys.readouterr().out
    told = {"term": "denoise", "norm": "1.000", "steady": "1.00", "as_denoise": "1.000"}
    assert read_csv(tmp_path / "gradients.csv") == [told]


def test_a_run_measures_every_loss_unweighted():
    config = ["--config", str(gradients.ROOT / "configs/shapes.yaml"), *SIZES.split()]
    measured = gradients.measure(2, config)
    assert list(measured) == ["denoise", "contrastive", "token", "pixel"]
    doubled = gradients.measure(1, [*config, "--losses.token.weight", "5"])
    assert doubled["token"][0] == pytest.approx(measured["token"][0], abs=1e-6)
    assert measured["token"][0].norm() > 0
    # The heads' own weights are not the denoiser's.
    assert len({each.shape[1] for each in measured.values()}) == 1
