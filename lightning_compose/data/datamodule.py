"""The DataModule: shards to micro-batches of contrastive pairs, resumable at any optimizer step."""

from __future__ import annotations

import warnings
from typing import Any, get_args

import numpy as np
import torch
from lightning.pytorch import LightningDataModule
from lightning.pytorch.trainer.states import TrainerFn
from torch.utils.data import DataLoader, Dataset

from lightning_compose.arguments import require_at_least, require_one_of, require_part
from lightning_compose.curriculum import Schedule, find_curriculum
from lightning_compose.data import trainer_settings
from lightning_compose.data.bad_samples import OnBadSample
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.use import open_cache, require_still_images
from lightning_compose.data.identity import content_digest, require_same_past, require_same_settings
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.plan import Plan, accumulation, evaluation_batches, first_micro_batch, split_rows
from lightning_compose.data.pool import Pool, Rows
from lightning_compose.data.remote.limits import downloads_of, require_room
from lightning_compose.data.remote.stream import FetchingBatches, FetchingStream
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
        root: Folder or URL of the shard set to train and validate on.
        test_root: Folder or URL of the set to test on; None = no test.
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
        shuffle_shards: Samples are mixed within windows of so many shards, drawn anew in every pass, so that a remote
            run begins on its first few; None = over the whole set.
        download_dir: Where remote shards go; None = ``$LIGHTNING_COMPOSE_DOWNLOADS`` or a folder in ``~/.cache``.
        download_limit_gb: What may lie there, in 10^9 bytes; shards not used for longest give way. None = no limit.
        cache: Folder of the set's feature cache, by `shards cache`: its images are not decoded, and the model needs no
            encoders. None = all is encoded in every step.
        test_cache: Likewise of `test_root`.

    Raises:
        ValueError: When an argument is out of its range or the batch sizes do not divide.
    """

    # The stages over the steps, of the curriculum that the Trainer has; None = there is none.
    schedule: Schedule | None = None
    _features: FeatureCache | None = None

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
        shuffle_shards: int | None = None,
        download_dir: str | None = None,
        download_limit_gb: float | None = None,
        cache: str | None = None,
        test_cache: str | None = None,
    ) -> None:
        super().__init__()
        self.root, self.test_root = root, test_root
        self.cache, self.test_cache = cache, test_cache
        self.size_px = size_px
        self.global_batch_size, self.micro_batch_size = global_batch_size, micro_batch_size
        self.num_workers = num_workers
        self.val_fraction = val_fraction
        self.max_nouns = max_nouns
        self.crop: Crop = crop
        self.mirror, self.negatives = mirror, negatives
        self.seed = seed
        self.on_bad_sample: OnBadSample = on_bad_sample
        self.max_bad_samples = max_bad_samples
        self.shuffle_shards = shuffle_shards
        self.downloads = downloads_of(download_dir, download_limit_gb)
        self._require_usable()
        # What the batches told of bad samples and unsupervised nouns.
        self.report = SampleReport(root, max_bad_samples)
        self._train_rows = self._val_rows = np.arange(0)

    def _require_usable(self) -> None:
        require_at_least(1, size_px=self.size_px, max_nouns=self.max_nouns)
        require_at_least(1, global_batch_size=self.global_batch_size, micro_batch_size=self.micro_batch_size)
        if self.shuffle_shards is not None:
            require_at_least(1, shuffle_shards=self.shuffle_shards)
        require_at_least(0, num_workers=self.num_workers, max_bad_samples=self.max_bad_samples)
        require_part(val_fraction=self.val_fraction)
        require_one_of(get_args(Crop), crop=self.crop)
        require_one_of(get_args(OnBadSample), on_bad_sample=self.on_bad_sample)
        require_still_images(self.crop, self.mirror, cache=self.cache, test_cache=self.test_cache)
        accumulation(self.global_batch_size, world_size=1, micro_batch_size=self.micro_batch_size)

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
        stream = FetchingStream(
            self._reader(self._shards, transform, self._order),
            self._order,
            first_micro_batch=first_micro_batch(self._samples_trained, **sizes),
            rank=0 if self.trainer is None else self.trainer.global_rank,
            **sizes,
        )
        stream.fetch_first(self.num_workers, self._shows_progress)
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
        require_same_settings(state_dict, self._identity())
        require_same_past(state_dict.get("past", {}), self._past(state_dict["samples"]))
        if "report" in state_dict:
            self.report.load_state_dict(state_dict["report"])

    @property
    def _world_size(self) -> int:
        return 1 if self.trainer is None else self.trainer.world_size

    @property
    def _samples_trained(self) -> int:
        return 0 if self.trainer is None else self.trainer.global_step * self.global_batch_size

    @property
    def _shows_progress(self) -> bool:
        # Of the ranks of a node one: they share the downloads.
        return self.trainer is not None and self.trainer.local_rank == 0 and bool(self.trainer.progress_bar_callback)

    def _identity(self) -> dict[str, int | str | None]:
        return {
            "shuffle_shards": self.shuffle_shards,
            "global_batch_size": self.global_batch_size,
            "seed": self.seed,
            "training_samples": len(self._train_rows),
            "training_set": content_digest(self._shards, self._train_rows),
        }

    def _set_up_split(self, needs_validation: bool) -> None:
        self._shards = ShardSet(self.root, self.downloads)
        self._train_rows, self._val_rows = split_rows(self._shards.table["caption_hash"], self.val_fraction)
        if len(self._train_rows) == 0 or (needs_validation and len(self._val_rows) == 0):
            raise ValueError(
                f"Expected samples on both sides of `val_fraction` = {self.val_fraction}, got {len(self._train_rows)} "
                f"to train and {len(self._val_rows)} to validate on in {self.root!r}. Change `val_fraction` (0 = train "
                "on all, without validation) or add samples."
            )
        self._features = self._open_cache("cache", self._shards)
        require_room(self._shards, self.shuffle_shards, validates=len(self._val_rows) > 0)

    def _set_up_order(self) -> Pool | Plan:
        curriculum = find_curriculum(self.trainer)
        if curriculum is None:
            self.schedule = None
            return self._pool(self._train_rows, "order")
        rows = curriculum.pools(self._shards.table, self._train_rows)
        self.schedule = curriculum.lay_out([len(each) for each in rows.values()], self.global_batch_size)
        pools = {name: self._pool(each, f"order/{name}") for name, each in rows.items()}
        return Plan(pools, self.schedule.counts(), self.seed)

    def _pool(self, rows: Rows, stream: str) -> Pool:
        return Pool(rows, self.seed, stream, self._shards.table["shard"][rows], self.shuffle_shards)

    def _past(self, samples: int) -> dict[str, str]:
        """Return by the stages' names what they gave; without a curriculum the seed and the rows say it all."""
        return self._order.digests(samples // self.global_batch_size) if isinstance(self._order, Plan) else {}

    def _set_up_test(self) -> None:
        if self.test_root is None:
            raise ValueError("Expected `data.test_root` to be the folder of a shard set to test on, got None. Set it.")
        self._test_shards = ShardSet(self.test_root, self.downloads)
        self._features = self._open_cache("test_cache", self._test_shards)

    def _open_cache(self, setting: str, shards: ShardSet) -> FeatureCache | None:
        module = None if self.trainer is None else self.trainer.lightning_module
        return open_cache(getattr(self, setting), setting, shards, self.size_px, module)

    def _reader(self, shards: ShardSet, transform: Transform, order: Pool | Plan) -> PairReader:
        replacements = order.replacements if self.on_bad_sample == "skip" else None
        return PairReader(shards, transform, self.max_nouns, self.negatives, replacements, self._features)

    def _evaluation_loader(self, shards: ShardSet, rows: Rows) -> DataLoader[PairBatch]:
        batches = evaluation_batches(rows, world_size=self._world_size, micro_batch_size=self.micro_batch_size)
        reader = self._reader(shards, Transform(self.size_px), Pool(rows, self.seed))
        return self._loader(FetchingBatches(reader, batches))

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
