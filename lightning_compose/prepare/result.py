"""What the steps made of a prompt, and the sample that it becomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lightning_compose.data.schema import Annotation, Noun, Rle, Sample
from lightning_compose.prepare.image_files import encoded
from lightning_compose.prepare.rows import Judged, MasksRow, NegativeJudged, NegativesRow, PromptRow, VerifiedRow
from lightning_compose.prepare.workspace import Workspace

NO_POSITIVE, NO_NEGATIVE = "no_positive", "no_negative"


@dataclass(frozen=True, slots=True)
class Result:
    """A prompt's rows.

    Args:
        key: Of the prompt.
        prompt: As it was written.
        verified: With the choice of the positive.
        negatives: With the choice of the negative; None = that was not looked for.
        masks: The nouns of the positive; None = they were not looked for.
        in_review: Why people leave it out; None = they do not.
    """

    key: str
    prompt: PromptRow
    verified: VerifiedRow
    negatives: NegativesRow | None
    masks: MasksRow | None = None
    in_review: str | None = None

    @property
    def positive(self) -> Judged | None:
        """The chosen candidate."""
        chosen = self.verified.chosen
        return None if chosen is None else self.verified.candidates[chosen]

    @property
    def negative(self) -> NegativeJudged | None:
        """The chosen candidate for the negative."""
        if self.negatives is None or self.negatives.chosen is None:
            return None
        return self.negatives.candidates[self.negatives.chosen]

    def reason(self, without_negative: bool) -> str | None:
        """Return why it is left out; None = it is not.

        Args:
            without_negative: Whether a positive is enough.
        """
        if self.positive is None:
            return self.verified.reason or NO_POSITIVE
        if self.negative is not None or without_negative:
            return self.in_review
        return (self.negatives.reason if self.negatives else None) or NO_NEGATIVE


def sample(result: Result, positive: Judged, number: int, workspace: Workspace) -> Sample:
    """Return the pair under its number: a key of a prompt may hold what a sample's must not.

    Args:
        result: Of a prompt.
        positive: Its positive.
        number: Among the samples.
        workspace: With the images.
    """
    negative, negatives = result.negative, result.negatives
    has_negative = negative is not None and negatives is not None
    nouns, masks = _nouns(result.masks)
    annotation = Annotation(
        caption=result.verified.caption,
        stage=result.prompt.stage,
        category=result.prompt.category,
        negative_caption=negatives.caption if has_negative and negatives else None,
        nouns=nouns,
        masks=masks,
        questions=result.verified.questions,
        scores=_scores(result, positive),
        source=_source(result, positive),
    )
    drawn = encoded(workspace.image(negative.image)) if negative is not None else None
    return Sample(f"{number:09d}", annotation, encoded(workspace.image(positive.image)), drawn)


def _nouns(found: MasksRow | None) -> tuple[tuple[Noun, ...], tuple[Rle, ...]]:
    nouns = found.nouns if found is not None else ()
    # Two nouns may have the same mask: "a ring", and then "the rings".
    masks = tuple(dict.fromkeys(each.mask for each in nouns if each.mask is not None))
    numbers = {mask: number for number, mask in enumerate(masks)}
    return tuple(
        Noun(each.text, each.spans, each.attributes, numbers[each.mask] if each.mask is not None else None)
        for each in nouns
    ), masks


def _scores(result: Result, positive: Judged) -> dict[str, float]:
    models = result.verified.models
    scores = {_of("score", models, "scorer"): positive.score}
    if result.verified.questions:  # a caption that somebody wrote of the image was not asked about
        scores[_of("alignment", models, "answerer")] = positive.alignment
    if result.negative is not None and result.negatives is not None:
        scores[_of("similarity", result.negatives.models, "embedder")] = result.negative.similarity
    return scores


def _source(result: Result, positive: Judged) -> dict[str, Any]:
    prompt, verified = result.prompt, result.verified
    source: dict[str, Any] = {
        "key": result.key,
        "prompt": prompt.prompt,
        "rewritten": verified.rewritten,
        "writer": {"model": prompt.model, "seed": prompt.seed, **prompt.source},
        "positive": {"seed": positive.seed, "models": verified.models},
    }
    if result.negative is not None and result.negatives is not None:
        made = {"method": result.negatives.method, "models": result.negatives.models}
        source["negative"] = {"seed": result.negative.seed, **made}
    if result.masks is not None:
        source["masks"] = {"models": result.masks.models}
    return source


def _of(what: str, models: Mapping[str, str], role: str) -> str:
    # One model may have two roles: CLIP scores texts, and compares images.
    return f"{what}/{models.get(role, role)}"
