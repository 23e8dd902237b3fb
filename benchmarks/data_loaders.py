"""One pass over a set by each loader, reading the same files: this package's, webdataset, torchdata over webdataset."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, TypeVar

import numpy as np
import torch
import webdataset
from pycocotools import mask as coco
from torch import Tensor
from torchdata.stateful_dataloader import StatefulDataLoader

from benchmarks.data_sets import SD2_FEATURES, BenchmarkSet
from benchmarks.measure import Step
from lightning_compose.data.batch import PairBatch
from lightning_compose.data.cache.reader import FeatureCache
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.pool import Pool
from lightning_compose.data.schema import Annotation, EncodedImage, Sample
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform

OURS, PLAIN, STATEFUL = "this loader", "webdataset", "StatefulDataLoader over webdataset"
BATCH, MAX_NOUNS = 8, 4
Members = dict[str, Any]
T = TypeVar("T")


def bytes_passes(files: BenchmarkSet) -> dict[str, Step]:
    """Return passes that give the bytes of every member; this loader has checked them."""
    shards, rows = ShardSet(files.root), _order(files)
    return {
        OURS: lambda: _exhaust(map(shards.read_members, rows)),
        PLAIN: lambda: _exhaust(web(files)),
        STATEFUL: lambda: _exhaust(stateful(web(files))),
    }


def annotation_passes(files: BenchmarkSet) -> dict[str, Step]:
    """Return passes that give annotations, parsed and checked by this package's schema, and the images' bytes."""
    shards, rows = ShardSet(files.root), _order(files)
    return {
        OURS: lambda: _exhaust(map(shards.read, rows)),
        f"{PLAIN}, our parser": lambda: _exhaust(map(as_sample, web(files))),
        f"{PLAIN}, json alone": lambda: _exhaust(json.loads(each["json"]) for each in web(files)),
        f"{STATEFUL}, our parser": lambda: _exhaust(map(as_sample, stateful(web(files)))),
    }


def pair_passes(files: BenchmarkSet, size_px: int) -> dict[str, Step]:
    """Return passes that give batches of pairs with the masks of their nouns."""
    rows = _order(files)
    reader = PairReader(ShardSet(files.root), Transform(size_px), MAX_NOUNS)

    def ours() -> Iterator[PairBatch]:
        for start in range(0, len(rows), BATCH):
            yield reader.read(rows[start : start + BATCH], rows[start : start + BATCH])

    return {
        OURS: lambda: _exhaust(ours()),
        f"{PLAIN}, our decoder": lambda: _exhaust(our_batches(web(files), size_px)),
        f"{PLAIN}, Pillow": lambda: _exhaust(pillow_batches(web(files).decode("rgb8"))),
        f"{STATEFUL}, Pillow": lambda: _exhaust(pillow_batches(stateful(web(files).decode("rgb8")))),
    }


def feature_passes(files: BenchmarkSet) -> dict[str, Step]:
    """Return passes that give the float16 arrays of cached features."""
    cache, rows = FeatureCache(files.root), _order(files)
    return {
        OURS: lambda: _exhaust(map(cache.read, rows)),
        f"{PLAIN}, our decoder": lambda: _exhaust(map(_arrays, web(files))),
        f"{PLAIN}, NumPy": lambda: _exhaust(map(_loaded, web(files))),
        f"{STATEFUL}, NumPy": lambda: _exhaust(map(_loaded, stateful(web(files)))),
    }


def web(files: BenchmarkSet) -> Any:
    """Return plain webdataset over the tars, in their order: shuffling would cost it more."""
    return webdataset.WebDataset(files.tars, shardshuffle=False)


def stateful(dataset: Any) -> StatefulDataLoader[Any]:
    """Return torchdata's loader over a dataset, in this process."""
    # By default it would make tensors of NumPy's arrays.
    return StatefulDataLoader(dataset, batch_size=None, num_workers=0, collate_fn=_itself)


def as_sample(members: Members) -> Sample:
    """Parse what webdataset read."""
    images = {name.split(".")[0]: EncodedImage(name.split(".")[1], data) for name, data in _images(members)}
    annotation = Annotation.from_json(members["json"])
    return Sample(members["__key__"], annotation, images["positive"], images.get("negative"))


def our_batches(samples: Iterable[Members], size_px: int) -> Iterator[PairBatch]:
    """Let this package's reader decode and transform what webdataset read."""
    for batch in _batched(map(as_sample, samples)):
        reader = PairReader(_InHand(batch), Transform(size_px), MAX_NOUNS)  # type: ignore[arg-type]
        yield reader.read(range(len(batch)), range(len(batch)))


def pillow_batches(samples: Iterable[Members]) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Stack what webdataset decoded by Pillow, with masks decoded by pycocotools."""
    for batch in _batched(iter(samples)):
        positive, negative = (_stacked([each[f"{role}.jpg"] for each in batch]) for role in ("positive", "negative"))
        yield positive, negative, torch.from_numpy(np.stack([_masks(each["json"]) for each in batch]))


class _InHand:
    """A batch of samples in the place of a shard set."""

    root = ""

    def __init__(self, samples: list[Sample]) -> None:
        self.read = samples.__getitem__
        self.table = np.zeros(len(samples), [("shard", "<u4")])
        self.shards = [_NAMELESS]


class _Nameless:
    path = ""


_NAMELESS = _Nameless()


def _order(files: BenchmarkSet) -> list[int]:
    """Return rows in a training's order: any sample after any other."""
    pool = Pool(np.arange(files.samples), 0, "order")
    return [pool.row(each) for each in range(files.samples)]


def _itself(sample: Members) -> Members:
    return sample


def _exhaust(items: Iterable[object]) -> None:
    for _ in items:
        pass


def _batched(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, BATCH)):
        yield batch


def _images(members: Members) -> Iterator[tuple[str, bytes]]:
    return ((name, data) for name, data in members.items() if name.startswith(("positive.", "negative.")))


def _stacked(images: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack([image.transpose(2, 0, 1) for image in images]))


def _masks(annotation: dict[str, Any]) -> np.ndarray:
    encoded = annotation["masks"]
    masks = coco.decode([{"size": each["size"], "counts": each["counts"].encode()} for each in encoded])
    chosen = [noun["mask"] for noun in annotation["nouns"][:MAX_NOUNS] if noun["mask"] is not None]
    placed = np.zeros((MAX_NOUNS, *masks.shape[:2]), dtype=np.bool_)
    placed[: len(chosen)] = masks[:, :, chosen].transpose(2, 0, 1)
    return placed


def _loaded(members: Members) -> dict[str, np.ndarray]:
    return {name: np.load(io.BytesIO(members[f"{name}.npy"])) for name in SD2_FEATURES}


def _arrays(members: Members) -> dict[str, np.ndarray]:
    return {name: _array(members[f"{name}.npy"], shape) for name, shape in SD2_FEATURES.items()}


def _array(data: bytes, shape: tuple[int, ...]) -> np.ndarray:
    return np.frombuffer(data, "<f2", offset=len(data) - 2 * int(np.prod(shape))).reshape(shape)
