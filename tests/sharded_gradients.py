"""What two ranks do with gradients in shards: functions that a forked process can import."""

import json
from pathlib import Path

import torch
from torch import distributed, nn
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, distribute_tensor

from lightning_compose.sharding import clip_by_norm, shard

# Of all gradients together; the first rank holds some of the small ones, the last some of the large ones.
NORM = sum(each**2 for each in [*range(1, 13), *range(1, 4)]) ** 0.5


def clipping(folder: Path, bound: float | None, norm_in_parts: bool) -> None:
    """Leave what clipping returned, and the norm of the gradients after it.

    Args:
        folder: For a file of each rank.
        bound: Of the norm.
        norm_in_parts: Whether torch's function leaves each rank its part of the norm. That of torch 2.13 gives each the
            whole, but does not promise it.
    """
    distributed.init_process_group("gloo")
    mesh = init_device_mesh("cpu", (2,))
    net = nn.Linear(4, 3)
    shard(net, [], mesh)
    for parameter in net.parameters():
        values = torch.arange(1.0, parameter.numel() + 1).view(parameter.shape)
        parameter.grad = distribute_tensor(values, mesh, parameter.placements)
    if norm_in_parts:
        whole = nn.utils.clip_grad_norm_
        nn.utils.clip_grad_norm_ = lambda *arguments: _in_parts(whole(*arguments))
    norm = clip_by_norm(torch.optim.SGD(net.parameters()), bound)
    after = nn.utils.get_total_norm([each.grad for each in net.parameters()]).full_tensor()
    found = {"norm": norm.item(), "is_plain": type(norm) is torch.Tensor, "after": after.item()}
    (folder / f"{distributed.get_rank()}.json").write_text(json.dumps(found))
    distributed.destroy_process_group()


def _in_parts(norm: DTensor) -> DTensor:
    """Give the ranks a third and two thirds."""
    part = norm.full_tensor() * (1 + distributed.get_rank()) / 3
    return DTensor.from_local(part, norm.device_mesh, [Partial()])
