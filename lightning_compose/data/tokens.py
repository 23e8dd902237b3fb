"""Noun spans to token masks, through the offset mapping of any fast tokenizer.

Shapes: b = batch, n = noun (padded), t = token.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from lightning_compose.data.schema import Noun

CUT_OFF = "cut_off_by_tokenizer"


@dataclass(frozen=True, slots=True)
class NounTokens:
    """Which tokens belong to which noun.

    Args:
        mask: bool ``[b, n, t]``; all False for a noun that is padding or is cut off.
        unsupervised: How many nouns have no tokens, by reason.
    """

    mask: Tensor
    unsupervised: Counter[str]


def token_mask(offsets: Tensor, spans: Sequence[tuple[int, int]]) -> Tensor:
    """Mark the tokens that share a character with one of the spans.

    Args:
        offsets: int ``[t, 2]``, the characters ``[start, end)`` of every token. Those of BOS, EOS and padding are
            empty and never match.
        spans: Characters ``[start, end)`` of the caption, such as `schema.Noun.spans`.

    Returns:
        bool ``[t]``.

    >>> offsets = torch.tensor([(0, 0), (0, 1), (2, 7), (7, 10), (0, 0)])  # "a skyscraper"
    >>> token_mask(offsets, [(2, 10)])
    tensor([False, False,  True,  True, False])
    """
    start_t, end_t = offsets.unbind(-1)
    mask_t = torch.zeros_like(start_t, dtype=torch.bool)
    for start, end in spans:
        mask_t |= (start_t < end) & (end_t > start) & (start_t < end_t)
    return mask_t


def is_cut_off(offsets: Tensor, spans: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a span reaches beyond the last token of a caption that fills the tokenizer's length.

    Behind the last token of a shorter one only blanks are left, or an accent that its letter was joined with.

    Args:
        offsets: int ``[t, 2]``, with at most one empty token, EOS, behind the caption and before padding.
        spans: Characters ``[start, end)`` of the caption.
    """
    # Padding is as empty as EOS.
    has_padding = not offsets[-2:].any()
    return not has_padding and max(end for _, end in spans) > int(offsets[:, 1].max())


def encode(tokenizer: Any, captions: Sequence[str], length: int) -> Mapping[str, Tensor]:
    """Return ids and offsets of captions, each cut or padded to a length.

    Args:
        tokenizer: A fast one.
        captions: b of them.
        length: t, in tokens.

    Returns:
        ``input_ids`` int ``[b, t]`` and ``offset_mapping`` int ``[b, t, 2]``, among others.
    """
    return tokenizer(
        list(captions),
        padding="max_length",
        max_length=length,
        truncation=True,
        return_offsets_mapping=True,
        return_tensors="pt",
    )


def noun_tokens(offsets: Tensor, nouns: Sequence[Sequence[Noun]], max_nouns: int) -> NounTokens:
    """Find the tokens of every noun in a batch of captions.

    Args:
        offsets: int ``[b, t, 2]``, as `encode` returns them.
        nouns: The nouns of every caption, at most `max_nouns` each.
        max_nouns: n, fixed for a run, so that compiled code sees one shape.
    """
    batch, tokens, _ = offsets.shape
    mask_bnt = torch.zeros(batch, max_nouns, tokens, dtype=torch.bool)
    unsupervised: Counter[str] = Counter()
    for row, nouns_of_caption in enumerate(nouns):
        for column, noun in enumerate(nouns_of_caption):
            if is_cut_off(offsets[row], noun.spans):
                unsupervised[CUT_OFF] += 1
                continue
            mask_bnt[row, column] = token_mask(offsets[row], noun.spans)
    return NounTokens(mask_bnt, unsupervised)
