"""What is trained, in shards on all ranks: torch's fully_shard (FSDP2), and the norm of gradients that lie in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from lightning.pytorch.strategies import FSDPStrategy, ModelParallelStrategy, Strategy
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh
from torch.distributed.fsdp import FSDPModule, fully_shard
from torch.distributed.tensor import DTensor
from torch.optim import Optimizer


def shard(denoiser: nn.Module, heads: Iterable[nn.Module], mesh: DeviceMesh) -> None:
    """Shard the denoiser, block by block, and the heads; a second call changes nothing.

    Frozen encoders stay whole on each rank; a feature cache leaves them out.

    Args:
        denoiser: The trained model.
        heads: What else is trained.
        mesh: Of the ranks that share one copy.
    """
    for module in [*_blocks(denoiser), denoiser, *(each for each in heads if list(each.parameters()))]:
        if not isinstance(module, FSDPModule):
            fully_shard(module, mesh=mesh)


def clip_by_norm(optimizer: Optimizer, bound: float | None) -> Tensor:
    """Scale the gradients to a norm of at most `bound`, and return what it was, over all shards.

    Args:
        optimizer: Of the parameters whose gradients are meant.
        bound: None or 0 = they are measured only.
    """
    parameters = [each for group in optimizer.param_groups for each in group["params"]]
    # One pass over the gradients both measures and clips.
    norm = nn.utils.clip_grad_norm_(parameters, bound or float("inf"))
    # A plain number, even if torch leaves this rank only its part.
    return norm.full_tensor() if isinstance(norm, DTensor) else norm


def require_known_sharding(strategy: Strategy | str) -> None:
    """Refuse Lightning's own shards.

    Args:
        strategy: Or its name, or the path of its class.

    Raises:
        ValueError: For them, with what to set instead.
    """
    if _is_lightnings(strategy):
        name = strategy if isinstance(strategy, str) else type(strategy).__name__
        raise ValueError(
            f"Expected a strategy whose checkpoints leave out the frozen encoders, got '{name}', which loads "
            "checkpoints before the encoders are put back. Set --trainer.strategy fully_sharded."
        )


def _is_lightnings(strategy: Strategy | str) -> bool:
    if isinstance(strategy, str):
        return strategy.startswith("fsdp") or strategy.endswith(("FSDPStrategy", "ModelParallelStrategy"))
    # Ours, a subclass of Lightning's second, leaves it to the module to read a checkpoint.
    return isinstance(strategy, FSDPStrategy | ModelParallelStrategy) and not strategy.lightning_restore_optimizer


def _blocks(denoiser: nn.Module) -> Iterator[nn.Module]:
    for child in denoiser.children():
        if isinstance(child, nn.ModuleList):
            yield from child
