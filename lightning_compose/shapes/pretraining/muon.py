"""Muon for matrices and convolution kernels, AdamW for everything else, as one optimizer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

# Jordan's coefficients: five iterations bring singular values from [0.01, 1] near 1.
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ITERATIONS = 5
_EPSILON = 1e-7


class MuonAdamW(Optimizer):
    """Orthogonalise the momentum of every parameter with two dimensions or more; AdamW's step for the others.

    Embeddings are matrices by shape only: give them in a group with ``muon=False``.

    Args:
        params: Parameters or groups of them.
        lr: Of both: Muon's update is scaled to AdamW's usual size.
        momentum: Of Muon, Nesterov's.
        betas: Of AdamW.
        weight_decay: Decoupled; of matrices and kernels alone.
        eps: Of AdamW.
        muon: Whether a group's matrices are orthogonalised.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); the scale is that of Liu
    et al., "Muon is Scalable for LLM Training" (2025), so that one learning rate serves both.
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0.95,
        betas: tuple[float, float] = (0.9, 0.99),
        weight_decay: float = 0.01,
        eps: float = 1e-8,
        muon: bool = True,
    ) -> None:
        settings = {"momentum": momentum, "betas": betas, "weight_decay": weight_decay, "eps": eps, "muon": muon}
        super().__init__(params, {"lr": lr} | settings)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = _muon if group["muon"] and parameter.ndim >= 2 else _adamw
                    update(parameter, parameter.grad, self.state[parameter], group)
        return loss


def _muon(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if not state:
        state["momentum"] = torch.zeros_like(gradient)
    momentum = state["momentum"].lerp_(gradient, 1 - group["momentum"])
    matrix = as_matrix(gradient.lerp(momentum, group["momentum"]))
    update = orthogonalise(matrix) * (0.2 * max(matrix.shape) ** 0.5)
    parameter.mul_(1 - group["lr"] * group["weight_decay"])
    parameter.sub_(as_kernel(update, parameter), alpha=group["lr"])


def _adamw(parameter: Tensor, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> None:
    if not state:
        state |= {"step": 0, "mean": torch.zeros_like(gradient), "square": torch.zeros_like(gradient)}
    state["step"] += 1
    first, second = group["betas"]
    mean = state["mean"].lerp_(gradient, 1 - first) / (1 - first ** state["step"])
    square = state["square"].lerp_(gradient.square(), 1 - second) / (1 - second ** state["step"])
    parameter.addcdiv_(mean, square.sqrt_().add_(group["eps"]), value=-group["lr"])


def orthogonalise(matrix: Tensor) -> Tensor:
    """Return about U V^T of a matrix's singular value decomposition U S V^T, by Newton and Schulz's iteration."""
    tall = matrix.shape[0] > matrix.shape[1]
    x = (matrix.T if tall else matrix).bfloat16()
    x = x / (x.norm() + _EPSILON)
    for _ in range(_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=_B, alpha=_C), x, beta=_A)
    return (x.T if tall else x).to(matrix.dtype)


def as_matrix(kernel: Tensor) -> Tensor:
    """Return a kernel [out, in, height, width] as [out, height * width * in]; a matrix as it is."""
    return kernel.permute(0, 2, 3, 1).flatten(1) if kernel.ndim == 4 else kernel.flatten(1)


def as_kernel(matrix: Tensor, like: Tensor) -> Tensor:
    """Return what `as_matrix` returned in the shape it came from."""
    if like.ndim != 4:
        return matrix.view_as(like)
    out, inputs, height, width = like.shape
    return matrix.view(out, height, width, inputs).permute(0, 3, 1, 2)
