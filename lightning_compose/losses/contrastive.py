"""The contrastive loss: the caption is nearer to its image than to the image that differs as little as possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import torch
from lightning.pytorch import LightningModule, Trainer
from lightning.pytorch.trainer.states import TrainerFn
from torch import Tensor, nn

from lightning_compose.functional import info_nce, pair_similarities
from lightning_compose.losses.base import LossCallback
from lightning_compose.losses.other_pairs import other_pairs
from lightning_compose.losses.projection import MIN_TEMPERATURE, ProjectionHead
from lightning_compose.needs import Needs
from lightning_compose.step import DenoisingStep

if TYPE_CHECKING:
    from lightning_compose.module import ComposeModule


class ContrastiveLoss(LossCallback):
    """InfoNCE between a caption and the denoiser's features of both images of a pair (EvoGen, ICLR 2025).

    Args:
        weight: Factor of the term in the training loss; 0 = off. The default is that of the authors' example.
        layers: Blocks of the denoiser, by name (``mid``, ``down_2``; ``block_11``), or ``default``, the backbone's
            choice: the paper says "encoder". Their outputs are averaged over space and concatenated.
        hidden_width: Of the projection head; None = the width of the features. Our default.
        temperature: Of the softmax over similarities, above 0. Our default; the paper gives none.
        learned_temperature: Whether the temperature is trained, from `temperature` on; it stays above 0.01.
        in_batch_negatives: Whether the other pairs of the batch, on all ranks, are negatives too; in training only.
            Then the loss of a batch is no longer the mean over its samples, but depends on which others are beside it:
            a run goes on only with as many, ranks x `data.micro_batch_size`, as it was begun with.

    A sample without a negative image counts zero.
    """

    def __init__(
        self,
        weight: float = 0.1,
        layers: Sequence[str] = ("default",),
        hidden_width: int | None = None,
        temperature: float = 0.07,
        learned_temperature: bool = False,
        in_batch_negatives: bool = False,
    ) -> None:
        super().__init__(weight)
        if isinstance(layers, str) or not layers:
            raise ValueError(f"Expected `layers` to be a list with at least one name, got {layers!r}.")
        if not temperature > 0:
            raise ValueError(f"Expected `temperature` to be above 0, got {temperature}.")
        if learned_temperature and temperature < MIN_TEMPERATURE:
            raise ValueError(
                f"Expected a learned `temperature` to start at {MIN_TEMPERATURE} or above, got {temperature}."
            )
        self.hidden_width = hidden_width
        self.temperature = temperature
        self.learned_temperature = learned_temperature
        self.in_batch_negatives = in_batch_negatives
        self._candidates: int | None = None
        self.needs = Needs(features=tuple(layers), negatives=True)

    @property
    def state_key(self) -> str:
        # Several losses of this class may be listed.
        return f"{type(self).__qualname__}/{self.name}"

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        super().setup(trainer, pl_module, stage)
        micro_batch_size = getattr(getattr(trainer, "datamodule", None), "micro_batch_size", None)
        self._candidates = None
        if self.in_batch_negatives and stage == TrainerFn.FITTING and micro_batch_size is not None:
            self._candidates = trainer.world_size * micro_batch_size

    def state_dict(self) -> dict[str, Any]:
        return {} if self._candidates is None else {"candidates": self._candidates}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check that the loss goes on comparing with as many pairs as before.

        Raises:
            ValueError: When ranks x micro-batch size has changed.
        """
        saved = state_dict.get("candidates", self._candidates)
        if self._candidates is not None and saved != self._candidates:
            raise ValueError(
                f"Expected the loss {self.name!r} to compare with {saved} pairs, ranks x `data.micro_batch_size` as in "
                f"the checkpoint, got {self._candidates}: it would be another loss. Choose a micro-batch size that "
                "gives as many, or start a new run."
            )

    def build(self, module: ComposeModule) -> ProjectionHead:
        backbone = module.backbone
        width = sum(backbone.feature_layers[name] for name in backbone.resolve(self.needs).features)
        hidden_width = self.hidden_width or width
        learned = self.temperature if self.learned_temperature else None
        return ProjectionHead(width, hidden_width, backbone.pooled_width, learned)

    def compute(self, step: DenoisingStep, head: nn.Module | None) -> Tensor:
        head = cast(ProjectionHead, head)
        positive, negative, text = _project(step, head)
        has_negative = step.batch.has_negative
        others = is_other = None
        # In evaluation the ranks' batches may differ in size, and cannot be gathered.
        if self.in_batch_negatives and head.training:
            captions = step.batch.captions, step.batch.negative_captions
            others, is_other = other_pairs(positive, negative, *captions, has_negative)
        temperature = head.temperature() if self.learned_temperature else self.temperature
        return info_nce(positive, negative, text, has_negative, temperature, others, is_other)

    def measure(self, step: DenoisingStep, head: nn.Module | None) -> dict[str, Tensor]:
        """Return for which pairs the caption is nearer to the positive."""
        to_positive, to_negative = pair_similarities(*_project(step, cast(ProjectionHead, head)))
        right = (to_positive > to_negative).float()
        return {"accuracy": right.masked_fill(~step.batch.has_negative, torch.nan)}


def _project(step: DenoisingStep, head: ProjectionHead) -> tuple[Tensor, Tensor, Tensor]:
    # Of the caption before dropout: an empty one says nothing about either image.
    positive, negative = (_pool(each) for each in (step.features_positive, step.features_negative))
    return head(positive), head(negative), step.pooled.float()


def _pool(features: dict[str, Tensor]) -> Tensor:
    return torch.cat([each.float().mean(dim=(2, 3)) for each in features.values()], dim=1)
