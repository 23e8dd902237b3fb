"""Random attention maps with nouns and masks of every awkward kind, and what watches the operations on them."""

from dataclasses import dataclass

import torch
from torch.utils._python_dispatch import TorchDispatchMode

TOKENS, NOUNS = 6, 6
MIXED = ((2, 2, 3), (4, 6, 2), (4, 6, 1), (3, 2, 2))  # height, width, heads of each layer


@dataclass
class Case:
    attention: list[torch.Tensor]
    others: list[torch.Tensor]
    noun_tokens: torch.Tensor
    masks: torch.Tensor

    def sample(self, index):
        """One sample, as a batch."""
        row = slice(index, index + 1)
        maps = [[layer.detach()[row].requires_grad_() for layer in each] for each in (self.attention, self.others)]
        return Case(*maps, self.noun_tokens[row], self.masks[row])

    def to(self, dtype):
        """The same maps as new leaves."""
        maps = [[layer.detach().to(dtype).requires_grad_() for layer in each] for each in (self.attention, self.others)]
        return Case(*maps, self.noun_tokens, self.masks)


def random_case(seed, batch, layers=MIXED, sharpness=2.0):
    """Maps of one softmax each; nouns that share tokens, overlap, have no mask, a vanishing one, or are padding."""
    generator = torch.Generator().manual_seed(seed)
    noun_tokens = _noun_tokens(generator, batch)
    attention, others = [], []
    for height, width, heads in layers:
        logits = torch.randn(batch, heads, TOKENS + 2, height, width, generator=generator, dtype=torch.float64)
        probability = (sharpness * logits).softmax(dim=2)
        outside = torch.ones(batch, NOUNS, TOKENS + 2, dtype=torch.float64)
        outside[:, :, :TOKENS] -= noun_tokens.double()
        attention.append(probability[:, :, :TOKENS].clone().requires_grad_())
        others.append(torch.einsum("bakhw,bnk->banhw", probability, outside).requires_grad_())
    return Case(attention, others, noun_tokens, _masks(generator, batch))


def _noun_tokens(generator, batch):
    members = torch.zeros(batch, NOUNS, TOKENS, dtype=torch.bool)
    members[:, 0, :2] = True
    members[:, 1, 1:4] = True  # shares token 1 with noun 0
    members[:, 2, 4] = members[:, 3, 5] = members[:, 4, 5] = True  # noun 5 is padding
    members[:, 2] &= torch.rand(batch, 1, generator=generator) < 0.5
    return members


def _masks(generator, batch):
    masks = torch.rand(batch, NOUNS, 12, 18, generator=generator) < 0.03
    masks[:, 1, 3:9, 2:15] = True
    masks[:, 3] = False
    masks[:, 3, 1, 1] = True  # vanishes at low resolutions
    masks[:, 4] = False
    return masks


class Operations(TorchDispatchMode):
    """Counts operations, and holds the number of elements of the largest result."""

    def __init__(self):
        super().__init__()
        self.count = self.largest = 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        self.count += 1
        results = result if isinstance(result, tuple | list) else [result]
        sizes = [each.numel() for each in results if isinstance(each, torch.Tensor)]
        self.largest = max(self.largest, *sizes, 0)
        return result
