"""Settings survive a restored state."""

import pytest
import torch
from torch.optim.lr_scheduler import LambdaLR

from lightning_compose.optimizer_settings import apply_settings, group_settings


def optimizer(rate, decay):
    weights = [torch.nn.Parameter(torch.ones(2)) for _ in range(2)]
    made = torch.optim.AdamW(
        [{"params": weights[:1]}, {"params": weights[1:], "weight_decay": 0.0}], rate, weight_decay=decay
    )
    return made, LambdaLR(made, lambda step: 1 / (1 + step))


def test_settings_win_and_moments_and_place_stay():
    old, old_schedule = optimizer(rate=1.0, decay=0.5)
    for group in old.param_groups:
        group["params"][0].grad = torch.ones(2)
    old.step()
    old_schedule.step()
    new, schedule = optimizer(rate=4.0, decay=0.1)
    settings = group_settings(new)
    new.load_state_dict(old.state_dict())
    schedule.load_state_dict(old_schedule.state_dict())
    assert new.param_groups[0]["weight_decay"] == 0.5
    apply_settings(new, schedule, settings)
    assert [group["lr"] for group in new.param_groups] == pytest.approx([2.0, 2.0])
    assert [group["weight_decay"] for group in new.param_groups] == [0.1, 0.0]
    assert torch.equal(new.state[new.param_groups[0]["params"][0]]["exp_avg"], torch.full((2,), 0.1))
    new.step()
    schedule.step()
    assert new.param_groups[0]["lr"] == pytest.approx(4 / 3)
