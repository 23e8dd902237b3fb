"""The table of the feature cache is what its command prints."""

from pathlib import Path

import pytest

from benchmarks.feature_cache import CACHED, ENCODED, main
from benchmarks.report import render
from lightning_compose.data.shards import ShardWriter
from lightning_compose.documentation import read_csv
from lightning_compose.shapes.generate import generate

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture
def root(tmp_path):
    with ShardWriter(tmp_path / "set", 16) as writer:
        for sample in generate(0, "train", range(24), size_px=64):
            writer.write(sample)
    return tmp_path / "set"


def test_a_run_writes_table_and_page(root, tmp_path):
    page = tmp_path / "feature-cache.md"
    page.write_text((DOCS / "feature-cache.md").read_text())
    main(["--rounds", "1", "--batch_size", "2", "--root", str(root), "--docs", str(tmp_path)])
    rows = read_csv(tmp_path / "benchmarks/feature_cache.csv")
    assert [row["step"] for row in rows] == [ENCODED, CACHED]
    assert float(rows[0]["time"]) == float(rows[0]["peak memory"]) == 1
    assert float(rows[1]["peak memory"]) < 1
    assert render(rows) in page.read_text()


def test_the_page_shows_the_committed_table():
    assert render(read_csv(DOCS / "benchmarks/feature_cache.csv")) in (DOCS / "feature-cache.md").read_text()
