"""What a loss asks the denoiser for, beside its prediction."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Needs:
    """What a training step has to hold for a loss.

    Args:
        attention: Cross-attention layers whose attention to the nouns is read out; () = none.
        features: Blocks of the denoiser's encoder whose output is kept; () = none.
        negatives: Whether the negative images go through the encoder too.

    Layers are named or selected: see `Backbone.resolve`.

    >>> Needs(attention=("mid",)) | Needs(attention=("up", "mid"), negatives=True)
    Needs(attention=('mid', 'up'), features=(), negatives=True)
    """

    attention: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    negatives: bool = False

    def __post_init__(self) -> None:
        for field in ("attention", "features"):
            names = getattr(self, field)
            if not isinstance(names, tuple):
                raise TypeError(f"Expected `{field}` to be a tuple of names such as ('mid',), got {names!r}.")

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            tuple(dict.fromkeys(self.attention + other.attention)),
            tuple(dict.fromkeys(self.features + other.features)),
            self.negatives or other.negatives,
        )
