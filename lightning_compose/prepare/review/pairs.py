"""What annotators look at: the pairs that pack would take."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lightning_compose.prepare.result import Result
from lightning_compose.prepare.rows import Judged, MaskedNoun
from lightning_compose.prepare.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Pair:
    """A caption and its images.

    Args:
        key: Of the prompt.
        identity: Differs when captions or images do.
        caption: Of the positive.
        positive: Image file.
        negative_caption: None = there is no negative.
        negative: Image file.
        nouns: Of the caption, with the masks that were found.
    """

    key: str
    identity: str
    caption: str
    positive: Path
    negative_caption: str | None = None
    negative: Path | None = None
    nouns: tuple[MaskedNoun, ...] = ()


def pairs(results: Sequence[Result], without_negative: bool, workspace: Workspace) -> list[Pair]:
    """Return the pairs, in the order of their results.

    Args:
        results: Of the prompts.
        without_negative: Whether a positive is enough.
        workspace: With the images.
    """
    return [
        _pair(each, each.positive, workspace)
        for each in results
        if each.positive is not None and each.reason(without_negative) is None
    ]


def _pair(result: Result, positive: Judged, workspace: Workspace) -> Pair:
    negative, negatives = result.negative, result.negatives
    has_negative = negative is not None and negatives is not None
    return Pair(
        key=result.key,
        identity=_identity(result, positive),
        caption=result.verified.caption,
        positive=workspace.image(positive.image),
        negative_caption=negatives.caption if has_negative and negatives else None,
        negative=workspace.image(negative.image) if negative is not None else None,
        nouns=result.masks.nouns if result.masks is not None else (),
    )


def _identity(result: Result, positive: Judged) -> str:
    # Seeds and models in the place of pixels, which take minutes to read where there are many.
    parts: list[object] = [result.verified.caption, result.verified.models, positive.image, positive.seed]
    if result.negative is not None and result.negatives is not None:
        negatives = result.negatives
        parts += [negatives.caption, negatives.models, result.negative.image, result.negative.seed]
    return hashlib.blake2b(json.dumps(parts, sort_keys=True).encode(), digest_size=8).hexdigest()
