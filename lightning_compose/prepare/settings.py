"""What the config of `prepare` holds: a section a step, models by class and arguments."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeVar

from lightning_compose.arguments import require_at_least
from lightning_compose.cli.config_files import Config
from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.prepare.card_settings import CardSettings
from lightning_compose.prepare.cost_settings import CostSettings
from lightning_compose.prepare.decoding import DecodingError, decode
from lightning_compose.prepare.features_settings import FeaturesSettings
from lightning_compose.prepare.masks.settings import MasksSettings
from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.models.scorer import Scorer
from lightning_compose.prepare.negatives.settings import NegativesSettings
from lightning_compose.prepare.prompts.settings import PromptsSettings
from lightning_compose.prepare.report.settings import ReportSettings
from lightning_compose.prepare.review.settings import ReviewSettings
from lightning_compose.prepare.verify.settings import VerifySettings

Section = TypeVar("Section")
MAKES_IMAGES = ("prompts", "candidates", "verify", "negatives")


@dataclass(frozen=True)
class EngineSettings:
    """How the steps that ask models are run; nothing but `block_rows` changes what they write.

    Args:
        address: Of a Ray cluster whose machines see the workspace under the same path; None = one is started here.
        workers: Copies of the step's models.
        block_rows: Rows that are lost when a worker dies.
        gpus_per_worker: May be a fraction: workers then share one.
        cpus_per_worker: Whole cores, or a fraction of one.
        threads_per_worker: Of the worker's libraries.
    """

    address: str | None = None
    workers: int = 1
    block_rows: int = 8
    gpus_per_worker: float = 0.0
    cpus_per_worker: float = 1.0
    threads_per_worker: int = 1

    def __post_init__(self) -> None:
        require_at_least(
            1, workers=self.workers, block_rows=self.block_rows, threads_per_worker=self.threads_per_worker
        )
        for name in ("gpus_per_worker", "cpus_per_worker"):
            if not 0 <= getattr(self, name) < float("inf"):
                raise ValueError(f"Expected `{name}` to be at least 0, got {getattr(self, name)}.")


@dataclass(frozen=True)
class ImagesSettings:
    """Of the step `images`, which stands in for all steps before `masks`.

    Args:
        annotations: File of captions as COCO has them: ``images`` with ``id`` and ``file_name``, ``annotations`` with
            ``image_id`` and ``caption``.
        folder: Of the images.
        scorer: Chooses among the captions of an image.
        count: Images, drawn by the seed; None = all.
        stage: One of `lightning_compose.data.schema.STAGES`.
        category: One of `lightning_compose.data.schema.CATEGORIES`.
    """

    annotations: str
    folder: str
    scorer: ModelSettings
    count: int | None = None
    stage: str = "complex"
    category: str = "other"

    def __post_init__(self) -> None:
        require_role(self.scorer, Scorer)
        require_at_least(1, count=self.count if self.count is not None else 1)
        for name, known in (("stage", STAGES), ("category", CATEGORIES)):
            if getattr(self, name) not in known:
                raise ValueError(f"Expected `{name}` to be one of {list(known)}, got {getattr(self, name)!r}.")


@dataclass(frozen=True)
class CandidatesSettings:
    """Of the step `candidates`.

    Args:
        painter: Draws the prompts.
        per_prompt: Images; the paper draws 10 to 20.
    """

    painter: ModelSettings
    per_prompt: int = 10

    def __post_init__(self) -> None:
        require_role(self.painter, Painter)
        require_at_least(1, per_prompt=self.per_prompt)


@dataclass(frozen=True)
class PackSettings:
    """Of the step `pack`.

    Args:
        samples_per_shard: Where a stage's tar is closed and the next one begun.
        without_negative: Whether positives that have no negative go in too: TokenCompose's losses need none.
        features: The shards' feature cache, for one training's encoders; None = none is written.
    """

    samples_per_shard: int = 1000
    without_negative: bool = False
    features: FeaturesSettings | None = None

    def __post_init__(self) -> None:
        require_at_least(1, samples_per_shard=self.samples_per_shard)


@dataclass(frozen=True)
class Settings:
    """Of all steps; a section that is None belongs to a step that is not run.

    Args:
        seed: All that is drawn follows from it.
        engine: For the steps that ask models.
        images: Pictures that have captions, in the place of `prompts`, `candidates`, `verify` and `negatives`.
        prompts: None also where somebody else wrote them.
        candidates: Images of each prompt.
        verify: Which of them is the positive.
        negatives: The images beside the positives.
        masks: Where the positives show the nouns of their captions.
        review: What people's votes do; no step of `run`.
        pack: The shards.
        card: The page beside them.
        report: What became of the prompts.
        cost: What the command `cost` reckons with; no step.
    """

    seed: int = 0
    engine: EngineSettings = field(default_factory=EngineSettings)
    images: ImagesSettings | None = None
    prompts: PromptsSettings | None = None
    candidates: CandidatesSettings | None = None
    verify: VerifySettings | None = None
    negatives: NegativesSettings | None = None
    masks: MasksSettings | None = None
    review: ReviewSettings = field(default_factory=ReviewSettings)
    pack: PackSettings = field(default_factory=PackSettings)
    card: CardSettings = field(default_factory=CardSettings)
    report: ReportSettings | None = None
    cost: CostSettings | None = None

    def __post_init__(self) -> None:
        require_at_least(0, seed=self.seed)
        made = [name for name in MAKES_IMAGES if getattr(self, name) is not None]
        if self.images is not None and made:
            raise ValueError(f"Expected either `images` or {list(MAKES_IMAGES)}, got `images` and {made}. Remove one.")


def read_settings(config: Config) -> Settings:
    """Read the content of a config file.

    Raises:
        ValueError: When a key is unknown or missing, or a value is not what it should be.
    """
    try:
        return decode(Settings, json.dumps(config))
    except (DecodingError, TypeError) as error:
        raise ValueError(f"Expected a config of prepare, got one that is none, {error}") from error


def require_section(step: str, section: Section | None) -> Section:
    """Return the section of a step.

    Raises:
        ValueError: When there is none.
    """
    if section is None:
        raise ValueError(
            f"Expected a section `{step}` in the config, got none. Set it: see configs/prepare/shapes.yaml for one."
        )
    return section
