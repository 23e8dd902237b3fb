"""The head of the contrastive loss."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

MIN_TEMPERATURE = 0.01  # CLIP's bound on its learned temperature


class ProjectionHead(nn.Module):
    """Project image features into the space of the text by an MLP with one hidden layer; may learn a temperature.

    Args:
        width: Of the features.
        hidden_width: Of the hidden layer.
        text_width: p, of the projection.
        learned_temperature: Where the temperature starts; None = there is none to learn.
    """

    def __init__(
        self, width: int, hidden_width: int, text_width: int, learned_temperature: float | None = None
    ) -> None:
        super().__init__()
        self.hidden = nn.Linear(width, hidden_width)
        self.output = nn.Linear(hidden_width, text_width)
        if learned_temperature is not None:
            self.log_temperature = nn.Parameter(torch.tensor(math.log(learned_temperature)))

    def forward(self, features: Tensor) -> Tensor:
        """Return float32 ``[b, text_width]`` for features ``[b, width]``."""
        # h = W2 sigma(W1 z); sigma is ours. Losses compute in float32, but the weights may be in half precision.
        return self.output(self.hidden(features.to(self.hidden.weight.dtype)).relu()).float()

    def temperature(self) -> Tensor:
        """Return the learned temperature, a scalar."""
        # The parameter itself is bounded, as CLIP does: a clamp of its value would have no gradient back.
        with torch.no_grad():
            self.log_temperature.clamp_(min=math.log(MIN_TEMPERATURE))
        return self.log_temperature.float().exp()
