"""How often each model of a config will be asked, before anything is run."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from lightning_compose.prepare.cost_settings import CostSettings
from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.prompts.settings import PromptsSettings
from lightning_compose.prepare.settings import Settings

SERVED = "endpoint"


@dataclass(frozen=True, slots=True)
class Work:
    """What a model has to do in a step.

    Args:
        step: Of the pipeline.
        role: In the step.
        model: As the config has it.
        unit: What is counted, in the plural.
        count: Of units, expected: a fraction where shares are.
        draws: Whether each unit leaves an image.
    """

    step: str
    role: str
    model: ModelSettings
    unit: str
    count: float
    draws: bool = False

    @property
    def is_served(self) -> bool:
        """Whether the model is behind a server, so that a unit is a call."""
        return SERVED in self.model.init_args


def planned_work(settings: Settings, prompts: PromptsSettings, cost: CostSettings) -> list[Work]:
    """Return the work of each model, in the order of the steps.

    Args:
        settings: What is planned; a section that is None costs nothing.
        prompts: How many prompts there will be.
        cost: What else must be known.
    """
    return [*_writing(prompts, cost), *_drawing(settings, prompts), *_judging(settings, prompts, cost),
            *_opposing(settings, prompts, cost), *_masking(settings, prompts, cost)]  # fmt: skip


def _writing(prompts: PromptsSettings, cost: CostSettings) -> Iterator[Work]:
    orders = (math.ceil(count * cost.drafts_per_prompt / prompts.per_order) for count in prompts.cells.values())
    yield Work("prompts", "writer", prompts.writer, "calls", sum(orders))


def _drawing(settings: Settings, prompts: PromptsSettings) -> Iterator[Work]:
    if settings.candidates is not None:
        images = _total(prompts) * settings.candidates.per_prompt
        yield Work("candidates", "painter", settings.candidates.painter, "images", images, draws=True)


def _judging(settings: Settings, prompts: PromptsSettings, cost: CostSettings) -> Iterator[Work]:
    section = settings.verify
    if section is None or settings.candidates is None:
        return
    total = _total(prompts)
    corrected = total * cost.share_corrected if section.captioner is not None else 0.0
    judged = (total + corrected) * settings.candidates.per_prompt
    if section.questioner is not None:
        yield Work("verify", "questioner", section.questioner, "captions", total + corrected)
    yield _answering("verify", section.answerer, judged, cost.questions_per_image, cost)
    yield Work("verify", "scorer", section.scorer, "images", judged)
    if section.captioner is not None:
        yield Work("verify", "captioner", section.captioner, "captions", corrected)


def _opposing(settings: Settings, prompts: PromptsSettings, cost: CostSettings) -> Iterator[Work]:
    section = settings.negatives
    if section is None or settings.candidates is None or settings.verify is None:
        return
    positives = _total(prompts) * cost.share_with_positive
    edited = _edited(prompts, section.edited_categories) * cost.share_with_positive if section.editor else 0.0
    images = positives * section.per_positive
    painter = section.painter or settings.candidates.painter
    drawn = (positives - edited) * section.per_positive
    yield Work("negatives", "painter", painter, "images", drawn, draws=True)
    if section.editor is not None:
        yield Work("negatives", "editor", section.editor, "images", edited * section.per_positive, draws=True)
    questioner = section.questioner or settings.verify.questioner
    if questioner is not None:
        yield Work("negatives", "questioner", questioner, "captions", positives)
    questions = cost.questions_per_image + (cost.more_questions_per_negative if questioner is not None else 0.0)
    yield _answering("negatives", section.answerer or settings.verify.answerer, images, questions, cost)
    # The positive is embedded beside its candidates.
    yield Work("negatives", "embedder", section.embedder, "images", images + positives)


def _masking(settings: Settings, prompts: PromptsSettings, cost: CostSettings) -> Iterator[Work]:
    if settings.masks is not None:
        positives = _total(prompts) * cost.share_with_positive
        yield Work("masks", "nouns", settings.masks.nouns, "captions", positives)
        yield Work("masks", "segmenter", settings.masks.segmenter, "images", positives)


def _answering(step: str, answerer: ModelSettings, images: float, questions: float, cost: CostSettings) -> Work:
    if SERVED in answerer.init_args:
        return Work(step, "answerer", answerer, "calls", images * cost.rounds_per_image)
    return Work(step, "answerer", answerer, "questions", images * questions)


def _edited(prompts: PromptsSettings, categories: tuple[str, ...]) -> int:
    return sum(count for (_, category), count in prompts.cells.items() if category in categories)


def _total(prompts: PromptsSettings) -> int:
    return sum(prompts.cells.values())
