"""The head of the contrastive loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MIN_TEMPERATURE = 0.01  # CLIP's bound on its learned temperature


class ProjectionHead(nn.Module):
    """Project image features into the space of the text: an MLP with one hidden layer, and the temperature.

    Args:
        width: Of the features.
        hidden_width: Of the hidden layer.
        text_width: p, of the projection.
        temperature: Of the softmax over similarities; where it starts, if learned.
        learned_temperature: Whether it is trained, as its logarithm, and kept above 0.01 (as CLIP does).
    """

    def __init__(
        self, width: int, hidden_width: int, text_width: int, temperature: float, learned_temperature: bool
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, hidden_width)
        self.output = nn.Linear(hidden_width, text_width)
        self.fixed_temperature = temperature
        self.log_temperature = nn.Parameter(torch.tensor(math.log(temperature))) if learned_temperature else None

    def forward(self, features: Tensor) -> Tensor:
        """Return float32 ``[b, text_width]`` for features ``[b, width]``."""
        # h = W2 sigma(W1 z); sigma is ours. Losses compute in float32, but the weights may be in half precision.
        return self.output(self.hidden(features.to(self.hidden.weight.dtype)).relu()).float()

    @property
    def temperature(self) -> Tensor | float:
        """The temperature, a scalar."""
        if self.log_temperature is None:
            return self.fixed_temperature
        return self.log_temperature.float().clamp(min=math.log(MIN_TEMPERATURE)).exp()
