"""Muon for convolution kernels."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn, optim


class ConvolutionMuon:
    """Muon on kernels as matrices [out, in * height * width], AdamW on every other parameter.

    Args:
        model: Its kernels lie channels last, so that the matrices are views of them.
        weight_decay: Of the kernels.

    Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks" (2024); the update is scaled to
    AdamW's size as in Liu et al., "Muon is Scalable for LLM Training" (2025), so that one rate serves both.
    """

    def __init__(self, model: nn.Module, weight_decay: float = 0.01) -> None:
        self._kernels = [each for each in model.parameters() if each.ndim == 4]
        self._matrices = [nn.Parameter(as_matrix(each.detach())) for each in self._kernels]
        others = [each for each in model.parameters() if each.ndim != 4]
        self._muon = optim.Muon(self._matrices, weight_decay=weight_decay, adjust_lr_fn="match_rms_adamw")
        self._adamw = optim.AdamW(others, betas=(0.9, 0.99), weight_decay=0.0)

    def step(self, learning_rate: float) -> None:
        """Update all parameters from their gradients, then forget the gradients."""
        for kernel, matrix in zip(self._kernels, self._matrices, strict=True):
            if kernel.grad is None:
                raise RuntimeError("Expected every kernel to have a gradient, got none. Call backward before step.")
            matrix.grad = as_matrix(kernel.grad)
            kernel.grad = None
        for optimizer in (self._muon, self._adamw):
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            optimizer.step()
            optimizer.zero_grad()

    def state_dict(self) -> dict[str, Any]:
        """Return the momenta."""
        return {"muon": self._muon.state_dict(), "adamw": self._adamw.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take the momenta that `state_dict` returned."""
        self._muon.load_state_dict(state["muon"])
        self._adamw.load_state_dict(state["adamw"])


def as_matrix(kernel: Tensor) -> Tensor:
    """View a kernel [out, in, height, width] as [out, height * width * in]: a copy unless it lies channels last."""
    return kernel.permute(0, 2, 3, 1).flatten(1)
