"""Which columns of a layer's attention are read out for the nouns.

Shapes: b = batch, n = noun (padded), l = text token, k = supervised token (padded), r = column of the readout.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class NounColumns:
    """A readout of the attention over the text.

    Args:
        readout: Value of each text token in each column, float32 ``[b, l, r]``: first k columns with one token each,
            then n with all tokens that are not a noun's.
        noun_tokens: Which of the k tokens are which noun's, bool ``[b, n, k]``.
    """

    readout: Tensor
    noun_tokens: Tensor

    def split(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Cut a layer's maps ``[b, a, r, h, w]`` into those of the tokens (k) and of the nouns' other tokens (n)."""
        tokens = self.noun_tokens.shape[2]
        return maps[:, :, :tokens], maps[:, :, tokens:]


def noun_columns(nouns: Tensor, max_tokens: int) -> NounColumns:
    """Give the tokens of the nouns a column each, and each noun one for all tokens that are not its own.

    A sum of token columns would do for a noun, but 1 minus that sum would not: in half precision it can exceed 1, and
    the logarithm of what is left is wrong by orders of magnitude where the attention is saturated.

    Args:
        nouns: Which text tokens are which supervised noun's, bool ``[b, n, l]``.
        max_tokens: k. A noun with a token beyond the first k of its sample gets no column: it is unsupervised.

    >>> nouns = torch.tensor([[[False, True, True, False], [False, False, False, True]]])
    >>> columns = noun_columns(nouns, max_tokens=2)
    >>> columns.noun_tokens  # the second noun does not fit
    tensor([[[ True,  True],
             [False, False]]])
    >>> columns.readout[0].T
    tensor([[0., 1., 0., 0.],
            [0., 0., 1., 0.],
            [1., 0., 0., 1.],
            [1., 1., 1., 0.]])
    """
    used_bl = nouns.any(dim=1)
    column_bl = used_bl.cumsum(dim=1) - 1
    token_blk = used_bl[..., None] & (column_bl[..., None] == torch.arange(max_tokens, device=nouns.device))
    others_bln = ~nouns.transpose(1, 2)
    fits_bn = ~(nouns & (column_bl >= max_tokens)[:, None]).any(dim=2)
    readout_blr = torch.cat([token_blk, others_bln], dim=2).float()
    noun_tokens_bnk = (nouns.float() @ token_blk.float()).bool() & fits_bn[..., None]
    return NounColumns(readout_blr, noun_tokens_bnk)
