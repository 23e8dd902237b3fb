"""The DataModule: shards to micro-batches of contrastive pairs, resumable at any optimizer step."""

from __future__ import annotations

import hashlib
import warnings
from typing import Any, get_args

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset

from lightning_compose.curriculum import Schedule, find_curriculum
from lightning_compose.data import trainer_settings
from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.dataset import EvaluationBatches, TrainingStream
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.plan import Plan, accumulation, evaluation_batches, first_micro_batch, split_rows
from lightning_compose.data.pool import Pool, Rows
from lightning_compose.data.sample_report import SampleReport
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.tallies import gathered, tally
from lightning_compose.data.transforms import Crop, Transform
from lightning_compose.data.worker_signals import obey_only_the_parent


class ConPairDataModule(LightningDataModule):
    """Stream captioned pairs with noun masks from a shard set.

    The order of the samples depends on `seed`, `global_batch_size` and the Trainer's `Curriculum` alone: not on
    workers, ranks, or resumes. Give the Trainer `max_steps`, `val_check_interval` in optimizer steps, and no
    `accumulate_grad_batches`.

    Args:
        root: Folder of the shard set to train and validate on.
        test_root: Folder of the set to test on; None = no test.
        size_px: Side of the square images.
        global_batch_size: Samples an optimizer step, over all ranks.
        micro_batch_size: Samples a rank has in memory at once; the accumulation follows.
        num_workers: Processes that read and decode, on each rank; 0 = the main process does.
        val_fraction: Share of the captions in [0, 1) that validate and never train; 0 = no validation.
        max_nouns: Nouns a caption at most; further ones are dropped and counted.
        crop: Whether the largest square is cut from the center or from a random place, in training.
        mirror: Whether half of the training pairs are mirrored, but for captions with a direction.
        negatives: Whether negative images are decoded.
        seed: Of order, crops and mirrors.
        on_bad_sample: Whether a sample that cannot be used ends the run, or is replaced by another one, and counted.
        max_bad_samples: How many different ones are replaced before the run ends all the same.

    Raises:
        ValueError: When an argument is out of its range or the batch sizes do not divide.
    """

    def __init__(
        self,
        root: str,
        test_root: str | None = None,
        size_px: int = 512,
        global_batch_size: int = 16,
        micro_batch_size: int = 4,
        num_workers: int = 2,
        val_fraction: float = 0.05,
        max_nouns: int = 8,
        crop: Crop = "center",
        mirror: bool = False,
        negatives: bool = True,
        seed: int = 0,
        on_bad_sample: OnBadSample = "raise",
        max_bad_samples: int = 100,
    ) -> None:
        super().__init__()
        _require_at_least(1, size_px=size_px, micro_batch_size=micro_batch_size, max_nouns=max_nouns)
        _require_at_least(1, global_batch_size=global_batch_size)
        _require_at_least(0, num_workers=num_workers, max_bad_samples=max_bad_samples)
        if not 0 <= val_fraction < 1:
            raise ValueError(f"Expected `val_fraction` to be a share in [0, 1), got {val_fraction}.")
        _require_one_of(get_args(Crop), crop=crop)
        _require_one_of(get_args(OnBadSample), on_bad_sample=on_bad_sample)
        accumulation(global_batch_size, world_size=1, micro_batch_size=micro_batch_size)
        self.root = root
        self.test_root = test_root
        self.size_px = size_px
        self.global_batch_size = global_batch_size
        self.micro_batch_size = micro_batch_size
        self.num_workers = num_workers
        self.val_fraction = val_fraction
        self.max_nouns = max_nouns
        self.crop: Crop = crop
        self.mirror = mirror
        self.negatives = negatives
        self.seed = seed
        self.on_bad_sample: OnBadSample = on_bad_sample
        self.max_bad_samples = max_bad_samples
        # What the batches told of bad samples and unsupervised nouns.
        self.report = SampleReport(root, max_bad_samples)
        # The stages over the steps, of the curriculum that the Trainer has; None = there is none.
        self.schedule: Schedule | None = None
        self._train_rows = self._val_rows = np.arange(0)

    def setup(self, stage: str) -> None:
        self.report = SampleReport(self.test_root if stage == TrainerFn.TESTING else self.root, self.max_bad_samples)
        if stage == TrainerFn.TESTING:
            self._set_up_test()
        if stage in (TrainerFn.FITTING, TrainerFn.VALIDATING):
            self._set_up_split(needs_validation=stage == TrainerFn.VALIDATING or self.val_fraction > 0)
        if stage == TrainerFn.FITTING:
            self._order = self._set_up_order()
        if stage == TrainerFn.FITTING and self.trainer is not None:
            steps = accumulation(
                self.global_batch_size, world_size=self._world_size, micro_batch_size=self.micro_batch_size
            )
            trainer_settings.prepare(self.trainer, steps, validates=len(self._val_rows) > 0)

    def train_dataloader(self) -> DataLoader[PairBatch]:
        if self.trainer is not None:
            trainer_settings.require_whole_steps(self.trainer)
        sizes = {"world_size": self._world_size, "micro_batch_size": self.micro_batch_size}
        transform = Transform(self.size_px, self.crop, self.mirror, self.seed)
        stream = TrainingStream(
            self._reader(self._shards, transform, self._order),
            self._order,
            first_micro_batch=first_micro_batch(self._samples_trained, **sizes),
            rank=0 if self.trainer is None else self.trainer.global_rank,
            **sizes,
        )
        return self._loader(stream)

    def val_dataloader(self) -> DataLoader[PairBatch] | list[DataLoader[PairBatch]]:
        if len(self._val_rows) == 0:
            # Lightning asks whether this was intended: `val_fraction` = 0 says so.
            warnings.filterwarnings("ignore", "Total length of `list` across ranks is zero")
            return []
        return self._evaluation_loader(self._shards, self._val_rows)

    def test_dataloader(self) -> DataLoader[PairBatch]:
        return self._evaluation_loader(self._test_shards, np.arange(len(self._test_shards)))

    def on_before_batch_transfer(self, batch: PairBatch, dataloader_idx: int) -> PairBatch:
        self.report.add(tally(batch, self.trainer))
        return batch

    def transfer_batch_to_device(self, batch: PairBatch, device: torch.device, dataloader_idx: int) -> PairBatch:
        # Lightning itself copies only plain tensors without blocking.
        return batch.to(device, non_blocking=device.type == "cuda")

    def state_dict(self) -> dict[str, Any]:
        if len(self._train_rows) == 0:
            return {}
        self.share_report()
        past = self._past(self._samples_trained)
        counted = {"samples": self._samples_trained, "report": self.report.state_dict()}
        return {**counted, **self._identity(), "past": past}

    def share_report(self) -> None:
        """Tell all ranks what each has met; to be called on all of them."""
        self.report.share(gathered(self.report.own, self._world_size))

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Check that the run to go on with is the one that was saved; its position is `trainer.global_step`.

        Raises:
            ValueError: When a setting that the order depends on has changed, or what a stage gave before.
        """
        if self.trainer is None or self.trainer.state.fn != TrainerFn.FITTING:
            return
        for name, value in self._identity().items():
            if state_dict[name] != value:
                raise ValueError(
                    f"Expected `{name}` to stay {state_dict[name]}, as in the checkpoint, got {value}: the order of "
                    "the samples would change in the middle of the run. Set it back, or start a new run."
                )
        _require_same_past(state_dict.get("past", {}), self._past(state_dict["samples"]))
        if "report" in state_dict:
            self.report.load_state_dict(state_dict["report"])

    @property
    def _world_size(self) -> int:
        return 1 if self.trainer is None else self.trainer.world_size

    @property
    def _samples_trained(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_step * self.global_batch_size

    def _identity(self) -> dict[str, int | str]:
        return {
            "global_batch_size": self.global_batch_size,
            "seed": self.seed,
            "training_samples": len(self._train_rows),
            "training_set": content_digest(self._shards, self._train_rows),
        }

    def _set_up_split(self, needs_validation: bool) -> None:
        self._shards = ShardSet(self.root)
        self._train_rows, self._val_rows = split_rows(self._shards.table["caption_hash"], self.val_fraction)
        if len(self._train_rows) == 0 or (needs_validation and len(self._val_rows) == 0):
            raise ValueError(
                f"Expected samples on both sides of `val_fraction` = {self.val_fraction}, got {len(self._train_rows)} "
                f"to train and {len(self._val_rows)} to validate on in {self.root!r}. Change `val_fraction` (0 = train "
                "on all, without validation) or add samples."
            )

    def _set_up_order(self) -> Pool | Plan:
        curriculum = find_curriculum(self.trainer)
        if curriculum is None:
            self.schedule = None
            return Pool(self._train_rows, self.seed)
        rows = curriculum.pools(self._shards.table, self._train_rows)
        self.schedule = curriculum.lay_out([len(each) for each in rows.values()], self.global_batch_size)
        pools = {name: Pool(each, self.seed, stream=f"order/{name}") for name, each in rows.items()}
        return Plan(pools, self.schedule.counts(), self.seed)

    def _past(self, samples: int) -> dict[str, str]:
        """Return by the stages' names what they gave; without a curriculum the seed and the rows say it all."""
        return self._order.digests(samples // self.global_batch_size) if isinstance(self._order, Plan) else {}

    def _set_up_test(self) -> None:
        if self.test_root is None:
            raise ValueError("Expected `data.test_root` to be the folder of a shard set to test on, got None. Set it.")
        self._test_shards = ShardSet(self.test_root)

    def _reader(self, shards: ShardSet, transform: Transform, order: Pool | Plan) -> PairReader:
        replacements = order.replacements if self.on_bad_sample == "skip" else None
        return PairReader(shards, transform, self.max_nouns, self.negatives, replacements)

    def _evaluation_loader(self, shards: ShardSet, rows: Rows) -> DataLoader[PairBatch]:
        batches = evaluation_batches(rows, world_size=self._world_size, micro_batch_size=self.micro_batch_size)
        reader = self._reader(shards, Transform(self.size_px), Pool(rows, self.seed))
        return self._loader(EvaluationBatches(reader, batches))

    def _loader(self, dataset: Dataset[PairBatch]) -> DataLoader[PairBatch]:
        on_accelerator = self.trainer is not None and self.trainer.strategy.root_device.type == "cuda"
        return DataLoader(
            dataset,
            batch_size=None,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=on_accelerator,
            worker_init_fn=obey_only_the_parent,
        )


def _require_same_past(saved: dict[str, str], present: dict[str, str]) -> None:
    changed = [name for name in {**saved, **present} if saved.get(name) != present.get(name)]
    if changed:
        raise ValueError(
            f"Expected the curriculum to have given the samples that it gave before the checkpoint, but the stage "
            f"{changed[0]!r} gave others, or at other steps. Change only what is still to come, set it back, or start "
            "a new run."
        )


def content_digest(shards: ShardSet, rows: Rows) -> str:
    """Return what tells the rows of one set from those of another, wherever its folder is."""
    digest = hashlib.sha256("".join(shard.sha256 for shard in shards.shards).encode())
    digest.update(rows.astype("<i8").tobytes())
    return digest.hexdigest()


def _require_at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise ValueError(f"Expected `{name}` to be at least {least}, got {value}.")


def _require_one_of(known: tuple[str, ...], **values: str) -> None:
    for name, value in values.items():
        if value not in known:
            raise ValueError(f"Expected `{name}` to be one of {list(known)}, got {value!r}.")
