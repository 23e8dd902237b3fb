"""What an estimate of the cost takes for granted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lightning_compose.arguments import require_share


@dataclass(frozen=True)
class CostSettings:
    """What the command `cost` reckons with; without defaults, as no config tells any of it.

    Args:
        drafts_per_prompt: That the writer is asked for until one of them is kept, at least 1.
        questions_per_image: That are asked about an image, on average.
        more_questions_per_negative: That are asked, beside those, about its own caption; none without a questioner.
        rounds_per_image: Calls of a judge behind a server, for an image: questions wait for those they depend on.
        share_with_positive: Of the prompts, in [0, 1]; the others get no negatives.
        share_corrected: Of the prompts, in [0, 1]; their images are judged twice.
        megabytes_per_image: Of a lossless file.
        gpu_seconds: By step and role, each for one of what `planned_work` counts: an image, a question, a call. A model
            behind a server may be left out: it takes none of your GPUs.
    """

    drafts_per_prompt: float
    questions_per_image: float
    more_questions_per_negative: float
    rounds_per_image: float
    share_with_positive: float
    share_corrected: float
    megabytes_per_image: float
    gpu_seconds: Mapping[str, Mapping[str, float]]

    def __post_init__(self) -> None:
        require_share(share_with_positive=self.share_with_positive, share_corrected=self.share_corrected)
        for name in ("drafts_per_prompt", "questions_per_image", "rounds_per_image"):
            if not 1 <= getattr(self, name) < float("inf"):
                raise ValueError(f"Expected `{name}` to be at least 1, got {getattr(self, name)}.")
        for name in ("megabytes_per_image", "more_questions_per_negative"):
            _require_not_negative(name, getattr(self, name))
        for step, roles in self.gpu_seconds.items():
            for role, seconds in roles.items():
                _require_not_negative(f"gpu_seconds.{step}.{role}", seconds)


def _require_not_negative(name: str, value: float) -> None:
    if not 0 <= value < float("inf"):
        raise ValueError(f"Expected `{name}` to be at least 0, got {value}.")
