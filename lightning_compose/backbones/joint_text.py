"""How Stable Diffusion 3 lays out what its three text encoders say: which tokens, which widths."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from lightning_compose.arguments import require_between
from lightning_compose.step import Text
from lightning_compose.text_parts import TextPart

Supervise = Literal["clip", "t5", "both"]
MOST_T5_TOKENS = 512  # beyond, diffusers' pipeline draws nothing


def require_t5_tokens(t5_tokens: int) -> None:
    """Refuse a length of T5's captions that there is not.

    Raises:
        ValueError: For one that is not whole, or out of its range.
    """
    require_between(1, MOST_T5_TOKENS, t5_tokens=t5_tokens)


@dataclass(frozen=True)
class JointText:
    """The layout of a caption: the tokens of both CLIP encoders side by side, behind them those of T5.

    Args:
        clip_tokens: Tokens of either CLIP encoder.
        clip_widths: Widths of the two.
        pooled_widths: Widths of what they say of the whole caption.
        t5_tokens: Tokens of T5, or of the zeros in its place, in [1, 512].
        width: d, of all tokens; narrower ones are filled up by zeros.
        has_t5: Whether there is a T5 encoder.
    """

    clip_tokens: int
    clip_widths: tuple[int, int]
    pooled_widths: tuple[int, int]
    t5_tokens: int
    width: int
    has_t5: bool

    @property
    def parts(self) -> dict[str, TextPart]:
        """Each encoder's part."""
        tokens, (l_width, g_width), (l_pooled, g_pooled) = self.clip_tokens, self.clip_widths, self.pooled_widths
        parts = {
            "clip_l": TextPart(slice(0, tokens), slice(0, tokens), slice(0, l_width), slice(0, l_pooled)),
            "clip_g": TextPart(
                slice(tokens, 2 * tokens),
                slice(0, tokens),
                slice(l_width, l_width + g_width),
                slice(l_pooled, l_pooled + g_pooled),
            ),
        }
        t5 = TextPart(slice(2 * tokens, None), slice(tokens, None), slice(None), pooled=slice(0, 0))
        return {**parts, "t5": t5} if self.has_t5 else parts

    def joined(self, clip: Tensor, pooled: Tensor, t5: Tensor | None) -> Text:
        """Return an encoded caption.

        Args:
            clip: Of both CLIP encoders, side by side, ``[b, clip_tokens, width of both]``.
            pooled: Likewise, ``[b, p]``.
            t5: ``[b, t5_tokens, d]``; None = zeros, as diffusers' pipeline has it without T5.
        """
        if t5 is None:
            t5 = clip.new_zeros(len(clip), self.t5_tokens, self.width)
        padded = F.pad(clip, (0, self.width - clip.shape[-1]))
        return Text(torch.cat([padded, t5.to(clip.dtype)], dim=1), pooled)

    def fields(self, text: Text) -> dict[str, Tensor]:
        """Return what `joined` made an encoded caption of: without the zeros, which are most of it where T5 lacks."""
        clip = text.sequence[:, : self.clip_tokens, : sum(self.clip_widths)]
        fields = {"clip": clip, "pooled": text.pooled}
        return {**fields, "t5": text.sequence[:, self.clip_tokens :]} if self.has_t5 else fields

    def noun_tokens(self, clip: Tensor, t5: Tensor | None, supervise: Supervise) -> Tensor:
        """Return the supervised tokens of nouns, bool ``[b, n, l]``.

        Args:
            clip: Which CLIP tokens belong to which noun, bool ``[b, n, clip_tokens]``.
            t5: Which tokens of T5, bool ``[b, n, t5_tokens]``; None without T5.
            supervise: Which of them count.
        """
        if t5 is None or supervise == "clip":
            t5 = clip.new_zeros(*clip.shape[:2], self.t5_tokens)
        return torch.cat([clip & (supervise != "t5"), t5], dim=2)
