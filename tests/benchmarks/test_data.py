"""A short run of the comparison of loaders; all of them read the same."""

from pathlib import Path

import numpy as np
import pytest
import torch

pytest.importorskip("webdataset")
pytest.importorskip("torchdata")

from PIL import Image

from benchmarks import data_loaders
from benchmarks.data import main
from benchmarks.data_loaders import MAX_NOUNS, OURS, our_batches, pillow_batches, stateful, web
from benchmarks.data_sets import JPEG_SIDE_PX, SD2_FEATURES, cache_set, jpeg_set, large_index
from benchmarks.report import render
from lightning_compose.data.cache.reader import FeatureCache
from lightning_compose.data.pairs import PairReader
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform
from lightning_compose.documentation import read_csv

DOCS = Path(__file__).parents[2] / "docs"
PARTS = ("speed", "start", "memory")


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    """A folder of pages after a short run."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "benchmarks.md").write_text((DOCS / "benchmarks.md").read_text())
    main(["--samples", "4", "--rounds", "1", "--resume_at", "800", "--docs", str(folder)])
    return folder


def test_a_run_writes_tables_page_and_chart(docs):
    page = (docs / "benchmarks.md").read_text()
    for part in PARTS:
        assert render(read_csv(docs / f"benchmarks/data_{part}.csv")) in page
    assert Image.open(docs / "images/data_benchmark.png").width > 500


def test_every_content_is_compared_with_this_loader(docs):
    rows = read_csv(docs / "benchmarks/data_speed.csv")
    assert [row["quicker"] for row in rows if row["loader"] == OURS] == ["1.00"] * 4
    assert len(rows) == 15


@pytest.mark.parametrize("part", PARTS)
def test_the_page_shows_what_was_measured(part):
    assert render(read_csv(DOCS / f"benchmarks/data_{part}.csv")) in (DOCS / "benchmarks.md").read_text()


def test_the_loaders_read_the_same_pairs(tmp_path):
    files = jpeg_set(tmp_path / "set", 4)
    ours = PairReader(ShardSet(files.root), Transform(JPEG_SIDE_PX), MAX_NOUNS).read(range(4), range(4))
    handed = next(our_batches(web(files), JPEG_SIDE_PX))
    for dataset in (web(files).decode("rgb8"), stateful(web(files).decode("rgb8"))):
        positive, negative, masks = next(pillow_batches(dataset))
        assert torch.equal(positive, ours.positive)
        assert torch.equal(negative, ours.negative)
        assert torch.equal(masks, ours.noun_masks)
    assert torch.equal(handed.positive, ours.positive)
    assert torch.equal(handed.noun_masks, ours.noun_masks)


def test_the_loaders_read_the_same_features(tmp_path):
    files = cache_set(tmp_path, 3)
    cache = FeatureCache(tmp_path)
    for row, members in enumerate(web(files)):
        for read in (data_loaders._arrays(members), data_loaders._loaded(members)):
            assert all(np.array_equal(read[name], cache.read(row)[name]) for name in SD2_FEATURES)


def test_a_large_index_opens_and_reads_everywhere(tmp_path):
    shards = ShardSet(large_index(tmp_path / "large", 5000))
    assert len(shards) == 5000
    assert shards.key(4999) == "000004999"
    assert len(np.unique(shards.table["caption_hash"])) == 5000
    assert shards.read_members(4999).keys() >= {"positive", "json"}
