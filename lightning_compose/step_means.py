"""Means over an optimizer step or a validation: of its micro-batches and of all ranks."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import torch
from torch import Tensor

Reduce = Callable[[Tensor], Tensor]

# Names whose totals go with the fingerprint of all names. The same for every rank, whatever it added: in a reduction of
# tensors of different sizes ranks wait for each other, or read beyond the end.
_NAMES_AT_ONCE = 64
_FINGERPRINT_BITS = 32


class StepMeans:
    """Collect values over micro-batches.

    >>> means = StepMeans()
    >>> means.add("loss", torch.tensor(1.0))
    >>> means.add("loss", torch.tensor(3.0))
    >>> means.add("accuracy", torch.tensor([1.0, float("nan")]))
    >>> means.means(reduce=lambda values: values)
    {'accuracy': tensor(1.), 'loss': tensor(2.)}
    """

    def __init__(self) -> None:
        self._totals: dict[str, Tensor] = {}
        self._agreed: list[str] | None = None
        self._fingerprint = torch.empty(0)

    def add(self, name: str, values: Tensor, weight: int = 1) -> None:
        """Add what one micro-batch gave.

        Args:
            name: Of the mean.
            values: A scalar; or a value a sample, ``[b]``, NaN for those to which it does not apply.
            weight: Of every value: for a scalar the micro-batch's size, where sizes differ.
        """
        values = values.detach().float()
        # A scalar that is not a number is an error to be seen, not a value that does not apply.
        counted = ~values.isnan() if values.dim() else torch.ones_like(values)
        total = torch.stack([values.where(counted.bool(), 0.0).sum(), counted.sum()]) * weight
        self._totals[name] = self._totals[name] + total if name in self._totals else total

    def means(self, reduce: Reduce = lambda totals: totals) -> dict[str, Tensor]:
        """Return every mean, sorted by name, and begin anew; NaN where there was no value.

        Args:
            reduce: Takes a tensor to its mean over the ranks, all of which must have added the same names, in whatever
                order; called once, for all names together, or twice where they are more than 64.

        Raises:
            RuntimeError: When another rank added other names; on every rank whose names are not those of the time
                before, which spares the others a wait for the accelerator.
        """
        if not self._totals:
            return {}
        names = sorted(self._totals)
        # The mean of the sums over the mean of the counts, so that every value counts alike on whatever rank it was.
        totals = torch.stack([self._totals[name] for name in names])
        sums, counts = self._reduced(names, totals, reduce).unbind(dim=1)
        self._totals.clear()
        return dict(zip(names, sums / counts, strict=True))

    def _reduced(self, names: list[str], totals: Tensor, reduce: Reduce) -> Tensor:
        is_new = names != self._agreed
        if is_new:
            # Kept, because to bring it to an accelerator waits for that.
            self._fingerprint = _fingerprint(names).to(totals)
        first, rest = totals[:_NAMES_AT_ONCE], totals[_NAMES_AT_ONCE:]
        padding = totals.new_zeros(_NAMES_AT_ONCE - len(first), 2)
        parts = [self._fingerprint, first, padding]
        fingerprint, first, _ = reduce(torch.cat(parts)).split([len(part) for part in parts])
        if is_new:
            self._require_agreement(names, fingerprint)
        return torch.cat([first, reduce(rest)]) if len(rest) else first

    def _require_agreement(self, names: list[str], fingerprint: Tensor) -> None:
        # The mean of bits that are the same is 0 or 1; of others at least 1 / ranks away from both.
        if (fingerprint - fingerprint.round()).abs().max() > 1e-5:
            changed = sorted(set(names) ^ set(self._agreed or names))
            raise RuntimeError(
                f"Expected every rank to add the same names, got others than this rank's, {names}"
                f"{f', of which {changed} came or went in this step' if changed else ''}. Measure the same on every "
                "rank and in every step, as NaN for samples to which it does not apply."
            )
        self._agreed = names


def _fingerprint(names: list[str]) -> Tensor:
    """Return the bits of a hash, ``[rows, 2]`` like totals."""
    number = zlib.crc32("\n".join(names).encode())
    bits = [number >> place & 1 for place in range(_FINGERPRINT_BITS)]
    return torch.tensor(bits, dtype=torch.float32).view(-1, 2)
