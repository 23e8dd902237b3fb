"""The learning rate is multiplied on the exact step."""

import pytest
import torch
from recorder import CrashAfter, CrashError
from staged_runs import Keys, run
from torch.optim.lr_scheduler import LambdaLR

from lightning_compose.curriculum import Stage


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


class Rates(Keys):
    """Remembers the learning rate of every step; the schedule halves it at every step."""

    def __init__(self):
        super().__init__()
        self.rates: dict[int, float] = {}

    def configure_optimizers(self):
        optimizer = super().configure_optimizers()
        schedule = LambdaLR(optimizer, lambda step: 0.5**step)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_before_optimizer_step(self, optimizer):
        self.rates[self.global_step] = optimizer.param_groups[0]["lr"]


SLOWER = {name: Stage(steps=2, lr=lr) for name, lr in (("one", 1.0), ("two", 0.25), ("three", 0.0))}


def test_the_learning_rate_changes_on_the_exact_step_also_after_a_resume(make_data, tmp_path):
    expected = {step: 1e-3 * 0.5**step * (1.0, 1.0, 0.25, 0.25, 0.0, 0.0)[step] for step in range(6)}
    assert run(make_data(), SLOWER, Rates()).rates == pytest.approx(expected)
    for micro_batches in (4, 6):
        path = tmp_path / f"{micro_batches}.ckpt"
        with pytest.raises(CrashError):
            run(make_data(), SLOWER, Rates(), callbacks=[CrashAfter(micro_batches, path)])
        resumed = run(make_data(), SLOWER, Rates(), ckpt_path=path).rates
        assert resumed == pytest.approx({step: expected[step] for step in range(micro_batches // 2, 6)})
        torch.load(path, weights_only=True)


def test_a_factor_needs_a_schedule_that_it_can_scale(make_data):
    with pytest.raises(TypeError, match="learning-rate schedule to be a LambdaLR"):
        run(make_data(), SLOWER)
