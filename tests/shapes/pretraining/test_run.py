"""The frame of a pretraining run, around a line."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from lightning_compose.shapes.pretraining.run import Run, Settings, read_settings
from lightning_compose.shapes.pretraining.schedule import warmup_cosine


@dataclass(frozen=True)
class Short(Settings):
    seed: int = 0
    batch_size: int = 1
    learning_rate: float = 0.1
    warmup_steps: int = 2
    log_interval_steps: int = 2


class LineRun(Run):
    def __init__(self, settings):
        model = nn.Linear(1, 1)
        nn.init.ones_(model.weight)
        nn.init.zeros_(model.bias)
        super().__init__(settings, model, model.parameters())

    def losses(self, step):
        return {"loss": self.model(torch.ones(1, 1)).sum() * (-1) ** step}  # so that the momentum matters

    def measure(self, losses):
        return losses | {"weight": self.model.weight.item()}


class KilledRun(LineRun):
    def losses(self, step):
        if step == 3:
            raise InterruptedError
        return super().losses(step)


def test_the_log_has_every_second_step_and_the_last(tmp_path):
    run = LineRun(Short(tmp_path, steps=5))
    run.train()
    assert [row["step"] for row in run.log] == [2, 4, 5]
    assert (tmp_path / "log.csv").read_text().splitlines()[0] == "step,loss,weight"


def test_the_rate_follows_the_schedule(tmp_path):
    run = LineRun(Short(tmp_path, steps=5))
    run.advance(0)
    assert run.optimizer.param_groups[0]["lr"] == pytest.approx(0.1 * warmup_cosine(0, 5, 2))


def test_a_run_that_was_killed_goes_on_from_its_last_checkpoint(tmp_path):
    straight = LineRun(Short(tmp_path / "straight", steps=5))
    straight.train()
    cut = Short(tmp_path / "cut", steps=5, checkpoint_interval_s=0.0)
    with pytest.raises(InterruptedError):
        KilledRun(cut).train()
    resumed = LineRun(cut)
    resumed.restore()
    assert resumed.step == 3
    resumed.train()
    assert torch.equal(resumed.model.weight, straight.model.weight)
    assert torch.equal(resumed.model.bias, straight.model.bias)
    assert (cut.out / "log.csv").read_bytes() == (tmp_path / "straight" / "log.csv").read_bytes()


def test_between_checkpoints_nothing_is_saved(tmp_path):
    with pytest.raises(InterruptedError):
        KilledRun(Short(tmp_path, steps=5)).train()
    assert not (tmp_path / "checkpoint.pt").exists()


def test_settings_come_from_the_command_line_and_the_defaults(tmp_path):
    settings = read_settings(Short, "Train a line.", ["--out", str(tmp_path), "--steps", "7", "--learning_rate", "0.5"])
    assert settings == Short(tmp_path, steps=7, learning_rate=0.5)
