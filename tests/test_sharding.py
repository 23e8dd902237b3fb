"""The norm of gradients that lie in shards is that of all of them, on every rank."""

import json

import pytest
import torch
from ranks import started
from sharded_gradients import NORM, clipping

from lightning_compose.sharding import clip_by_norm


@pytest.mark.parametrize(
    ("bound", "norm_in_parts", "after"),
    [(0.5, False, 0.5), (100.0, False, NORM), (None, False, NORM), (0.5, True, 0.5)],
    ids=["clipped", "within_the_bound", "measured_only", "torch_leaves_each_rank_a_part"],
)
def test_each_rank_gets_the_norm_over_all_shards(tmp_path, bound, norm_in_parts, after):
    with started(clipping, tmp_path, bound, norm_in_parts) as ranks:
        assert ranks.exit_codes() == [0, 0]
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found == {"norm": pytest.approx(NORM), "is_plain": True, "after": pytest.approx(after)}


@pytest.mark.parametrize(("bound", "factor"), [(2.5, 0.5), (10.0, 1.0), (0, 1.0), (None, 1.0)])
def test_gradients_of_all_groups_are_scaled_together(bound, factor):
    first, second = (torch.nn.Parameter(torch.zeros(1)) for _ in range(2))
    first.grad, second.grad = torch.tensor([3.0]), torch.tensor([4.0])
    assert clip_by_norm(torch.optim.SGD([{"params": [first]}, {"params": [second]}]), bound) == 5
    torch.testing.assert_close(torch.cat([first.grad, second.grad]), factor * torch.tensor([3.0, 4.0]))
