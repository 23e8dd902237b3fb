"""The LightningModule: encode, add noise, denoise, sum the terms of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from diffusers.optimization import get_scheduler
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.cli import OptimizerCallable
from lightning.pytorch.utilities.types import OptimizerLRScheduler
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer
from torch.optim.lr_scheduler import LambdaLR

from lightning_compose.arguments import require_at_least, require_share
from lightning_compose.backbones.base import Backbone
from lightning_compose.backbones.components import seeded
from lightning_compose.callbacks.last_validation import LastValidation
from lightning_compose.callbacks.throughput import Throughput
from lightning_compose.checkpoint_content import drop_frozen, fill_frozen, match_heads, plain_only
from lightning_compose.component_match import require_same_components, require_same_seed
from lightning_compose.conditioning import encode_and_drop
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.resume import realign_batch_progress
from lightning_compose.draws import Draws
from lightning_compose.losses.base import LossCallback
from lightning_compose.losses.terms import WEIGHTED, LossTerms, require_finite, require_scalar
from lightning_compose.needs import Needs
from lightning_compose.noised import encode_and_add_noise
from lightning_compose.noun_columns import noun_columns
from lightning_compose.optimizer_settings import apply_settings, group_settings, require_schedule
from lightning_compose.sharding import clip_by_norm, require_known_sharding, shard
from lightning_compose.step import DenoisingStep, NounAttention
from lightning_compose.step_means import StepMeans


class ComposeModule(LightningModule):
    """Train the denoiser of a text-to-image model on captioned images, with any further losses beside its own.

    Args:
        backbone: The model. Its encoders are frozen, its denoiser is trained.
        optimizer: Makes the optimizer from parameter groups.
        lr_schedule: One of diffusers' schedules by name, counted in optimizer steps: ``constant_with_warmup``,
            ``linear``, ``cosine``...; those that end do so at `trainer.max_steps`.
        warmup_steps: Optimizer steps over which the learning rate rises from 0; 0 = none.
        caption_dropout: Share of samples in [0, 1] trained with an empty caption, for classifier-free guidance.
        attributes: Whether a noun's attributes share its mask: then losses on attention supervise their tokens too.
        max_noun_tokens: Tokens of nouns a caption at most whose attention is read out; nouns beyond are unsupervised
            and counted. Fixed, so that compiled blocks see one shape.
        own_negative_noise: Whether a negative image gets noise of its own instead of its positive's.
        seed: Of noise, timesteps, caption dropout and the sampling of latents.

    A loss of your own is a `LossCallback`; to change how the terms are summed, override `training_loss`.
    """

    def __init__(
        self,
        backbone: Backbone,
        optimizer: OptimizerCallable = lambda params: AdamW(params, lr=1e-5),
        lr_schedule: str = "constant_with_warmup",
        warmup_steps: int = 0,
        caption_dropout: float = 0.1,
        attributes: bool = False,
        max_noun_tokens: int = 16,
        own_negative_noise: bool = False,
        seed: int = 0,
    ) -> None:
        super().__init__()
        require_share(caption_dropout=caption_dropout)
        require_at_least(1, max_noun_tokens=max_noun_tokens)
        require_at_least(0, warmup_steps=warmup_steps, seed=seed)
        require_schedule(lr_schedule)
        self.save_hyperparameters()
        self.backbone = backbone
        self.optimizer = optimizer
        self.lr_schedule = lr_schedule
        self.warmup_steps = warmup_steps
        self.caption_dropout = caption_dropout
        self.attributes = attributes
        self.max_noun_tokens = max_noun_tokens
        self.own_negative_noise = own_negative_noise
        self.seed = seed
        self.heads = nn.ModuleDict()
        self.losses = LossTerms(self.heads)
        self.terms = StepMeans()
        self.held_out = StepMeans()
        self._group_settings: list[dict[str, Any]] = []

    # -- the step ------------------------------------------------------------------------------------

    def denoising_step(
        self, batch: PairBatch, stream: str = "train", needs: Needs | None = None, noise_level: float | None = None
    ) -> DenoisingStep:
        """Encode the positives, and the negatives where a loss needs them, add noise and denoise.

        Positive and negative share caption, timestep and noise: a head that tells them apart must look at the image.

        Args:
            batch: Of b samples.
            stream: Names the random draws: a sample of the same index has the same draws in the same stream. Captions
                are dropped in ``"train"`` only.
            needs: What the step has to hold beside the prediction; None = what the losses that are on need, and
                `needs()`.
            noise_level: In [0, 1), the same for all samples, as a quantile of the timesteps of training; None = drawn
                for each.

        Raises:
            ValueError: When negatives are needed and the batch has none.
        """
        needs = self.backbone.resolve(self.losses.needs() | self.needs() if needs is None else needs)
        draws = Draws(self.seed, stream, batch.indices, self.device)
        shares = (self.caption_dropout, self.backbone.encoder_dropout) if stream == "train" else (0.0, 0.0)
        captions = encode_and_drop(self.backbone, batch, draws, self.attributes, *shares)
        uniform = draws.uniform("timestep") if noise_level is None else torch.full((len(batch),), noise_level)
        timesteps = self.backbone.timesteps(uniform)
        noised = encode_and_add_noise(self.backbone, batch, draws, timesteps, needs.negatives, self.own_negative_noise)
        columns = noun_columns(captions.tokens.nouns & batch.noun_supervised[..., None], self.max_noun_tokens)
        predicted = self.backbone.denoise(
            noised.positive, noised.timesteps, captions.text, needs, noised.negative, columns.readout
        )
        return DenoisingStep(
            batch=batch,
            dropped=captions.dropped,
            tokens=captions.tokens,
            text=captions.text,
            pooled=captions.pooled,
            timesteps=noised.timesteps,
            noise=noised.noise,
            noisy=noised.positive,
            prediction=predicted.positive,
            target=noised.target,
            noun_tokens=columns.noun_tokens,
            attention={name: NounAttention(*columns.split(maps)) for name, maps in predicted.maps.items()},
            features_positive=predicted.features_positive,
            features_negative=predicted.features_negative,
        )

    def training_loss(self, step: DenoisingStep) -> Tensor:
        """Return the weighted sum of all terms, each logged by its name; in validation too."""
        loss = denoising_loss(step)
        self.terms.add("denoise", loss, len(step.batch))
        for name in self.losses.active():
            loss = loss + self.weighted_term(name, step)
        return loss

    def weighted_term(self, name: str, step: DenoisingStep) -> Tensor:
        """Return one loss's term times its weight, and log what it measures."""
        callback = self.losses[name]
        term, measured = self.losses.compute(name, step.declared(self.backbone.resolve(callback.needs)))
        weighted = callback.effective_weight * term
        self.terms.add(name, term, len(step.batch))
        self.terms.add(f"{name}_{WEIGHTED}", weighted, len(step.batch))
        for key, values in measured.items():
            self.terms.add(f"{name}_{key}", values)
        return weighted

    def training_step(self, batch: PairBatch, batch_idx: int) -> Tensor:
        step = self.denoising_step(batch)
        with self.losses.micro_batch():
            loss = self.training_loss(step)
        require_scalar(loss, "`training_loss`")
        loss = self.losses.with_heads(loss)
        require_finite(loss, batch.keys, self.global_step)
        self.terms.add("loss", loss)
        self.terms.add("unsupervised_nouns_per_sample", step.unsupervised_nouns / len(batch))
        return loss

    def validation_step(self, batch: PairBatch, batch_idx: int) -> None:
        self._add_held_out("val", batch)

    def test_step(self, batch: PairBatch, batch_idx: int) -> None:
        self._add_held_out("test", batch)

    def on_validation_epoch_start(self) -> None:
        # One that was interrupted has left something.
        self.held_out = StepMeans()

    def on_validation_epoch_end(self) -> None:
        self._log_held_out("val")

    def on_test_epoch_start(self) -> None:
        self.held_out = StepMeans()

    def on_test_epoch_end(self) -> None:
        self._log_held_out("test")

    def needs(self) -> Needs:
        """Return what `training_loss` reads of the denoiser's inside, beside what the losses declare: override it."""
        return Needs()

    def _add_held_out(self, split: str, batch: PairBatch) -> None:
        # A validation may fall between two micro-batches of an optimizer step, whose means must not mix with its own.
        in_training, self.terms = self.terms, self.held_out
        try:
            self.terms.add("loss", self.training_loss(self.denoising_step(batch, stream=split)), len(batch))
        finally:
            self.terms = in_training

    def _log_held_out(self, split: str) -> None:
        for name, mean in self.held_out.means(self.trainer.strategy.reduce).items():
            # The mean of equal means: Lightning warns without it.
            self.log(f"{split}/{name}", mean, prog_bar=name == "loss", sync_dist=True)

    # -- losses and optimizer ------------------------------------------------------------------------

    def add_loss(self, callback: LossCallback) -> None:
        """Register a term and build its head; called by the callback before the optimizer is made.

        Raises:
            ValueError: When the name is taken or cannot name a module, or the backbone has no such layers.
        """
        if self.losses.get(callback.name) is callback:
            return
        self.backbone.resolve(callback.needs)
        self.losses.add(callback, build=lambda: self._build_head(callback))

    def remove_loss(self, callback: LossCallback) -> None:
        """Forget a term when its trainer is done; its head stays, with what it learned."""
        self.losses.remove(callback)

    def _build_head(self, callback: LossCallback) -> nn.Module | None:
        with seeded(f"{self.seed}/heads/{callback.name}"):
            return callback.build(self)

    def configure_model(self) -> None:
        # A checkpoint that is loaded from Python calls this, too, without a trainer.
        if self._trainer is not None:
            require_known_sharding(self.trainer.strategy)
        if self.device_mesh is not None:
            shard(self.backbone.trained, self.heads.values(), self.device_mesh["data_parallel"])

    def configure_optimizers(self) -> OptimizerLRScheduler:
        groups: list[dict[str, Any]] = [{"params": list(self.backbone.trained.parameters())}]
        if len(self.heads):
            groups.append({"params": list(self.heads.parameters()), "weight_decay": 0.0})
        optimizer = self.optimizer(groups)
        schedule = get_scheduler(
            self.lr_schedule,
            optimizer,
            num_warmup_steps=self.warmup_steps,
            num_training_steps=self.trainer.max_steps,
        )
        self._group_settings = group_settings(optimizer)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_start(self) -> None:
        self.terms = StepMeans()
        # A checkpoint brings its learning rate and the like with it; what is set now wins.
        schedule = self.lr_schedulers()
        if isinstance(schedule, LambdaLR) and self._group_settings:
            apply_settings(self.trainer.optimizers[0], schedule, self._group_settings)

    def on_before_optimizer_step(self, optimizer: Optimizer) -> None:
        self.losses.stop_idle_heads()
        self.log("train/lr", optimizer.param_groups[0]["lr"])
        for name, mean in self.terms.means(self.trainer.strategy.reduce).items():
            self.log(f"train/{name}", mean, prog_bar=name == "loss")

    def configure_gradient_clipping(
        self,
        optimizer: Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        by_norm = gradient_clip_algorithm in (None, "norm")
        self.log("train/grad_norm", clip_by_norm(optimizer, gradient_clip_val if by_norm else None))
        if not by_norm:
            self.clip_gradients(optimizer, gradient_clip_val, gradient_clip_algorithm)

    def configure_callbacks(self) -> list[Callback]:
        return [Throughput(), LastValidation()]

    # -- checkpoints ---------------------------------------------------------------------------------

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        drop_frozen(checkpoint["state_dict"], self)
        checkpoint["component_configs"] = self.backbone.component_configs()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        resuming = self._trainer is not None and self.trainer.training
        require_same_components(checkpoint.get("component_configs", {}), self.backbone.component_configs())
        match_heads(checkpoint["state_dict"], self, resuming)
        if resuming:
            require_same_seed(checkpoint.get("hyper_parameters", {}).get("seed", self.seed), self.seed)
        fill_frozen(checkpoint["state_dict"], self)
        if resuming:
            realign_batch_progress(checkpoint, self.trainer)

    def _set_hparams(self, hp: Any) -> None:
        # From the CLI all hyperparameters are plain. From Python some are objects, the backbone among them, which
        # must neither be copied nor enter the checkpoint.
        super()._set_hparams(plain_only(hp) if isinstance(hp, Mapping) else hp)


def denoising_loss(step: DenoisingStep) -> Tensor:
    """Return the mean squared error of the prediction, in float32 (Ho et al., 2020, eq. 14)."""
    return F.mse_loss(step.prediction.float(), step.target.float())
