import re
from pathlib import Path

import pytest
import torch
from PIL import Image

from benchmarks.losses import Report, Setting, main, throughput
from benchmarks.options import BASELINE, OPTIONS
from benchmarks.report import render
from benchmarks.variants import LOSSES, NAIVE
from lightning_compose.documentation import read_csv

DOCS = Path(__file__).parents[2] / "docs"
TINY = Setting("tiny", size_px=32, batch_size=1)
ARGUMENTS = ["--device", "cpu", "--model", "tiny", "--size_px", "32", "--batch_size", "1", "--rounds", "1"]


def ratios(rows):
    return {row["variant"]: float(row["flop_ratio"]) for row in rows}


@pytest.fixture(scope="module")
def docs(tmp_path_factory):
    """A folder of pages after a short run."""
    folder = tmp_path_factory.mktemp("docs")
    (folder / "benchmarks.md").write_text((DOCS / "benchmarks.md").read_text())
    main(["losses", *ARGUMENTS, "--docs", str(folder)])
    return folder


def test_a_run_writes_table_page_and_chart(docs):
    rows = read_csv(docs / "benchmarks/losses_cpu.csv")
    assert [row["variant"] for row in rows] == [*LOSSES, NAIVE]
    assert render(rows) in (docs / "benchmarks.md").read_text()
    assert Image.open(docs / "images/losses_benchmark.png").width > 500


def test_what_is_computed_costs(docs):
    rows = read_csv(docs / "benchmarks/losses_cpu.csv")
    assert rows[0]["time_ratio"] == rows[0]["memory_ratio"] == rows[0]["flop_ratio"] == "1.00"
    assert float(rows[-1]["memory_ratio"]) > 1
    found = ratios(rows)
    assert 1 < found["+ token"] <= found["+ token + pixel"]
    assert found["+ contrastive"] < found["+ all three"] < found[NAIVE]


def test_the_page_has_room_for_a_gpu(docs):
    rows = read_csv(docs / "benchmarks/losses_cpu.csv")
    on_gpu = Report(docs, torch.device("cuda"))
    on_gpu.add("losses", rows[:1], with_chart=True)
    on_gpu.add("options", rows[:2])
    page = (docs / "benchmarks.md").read_text()
    assert render(rows[:1]) + "\n\n![" in page
    assert render(rows[:2]) in page
    assert (docs / "images/losses_benchmark_cuda.png").is_file()


def test_options_need_a_gpu(docs, capsys):
    with pytest.raises(SystemExit):
        main(["options", "--device", "cpu", "--docs", str(docs)])
    assert "Expected a GPU" in capsys.readouterr().err


def test_every_option_that_needs_no_compiler_is_measured():
    quick = {name: option for name, option in OPTIONS.items() if "compile" not in name}
    rows = throughput(TINY, torch.device("cpu"), rounds=1, options=quick)
    assert [row["option"] for row in rows] == list(quick)
    assert rows[0]["option"] == BASELINE
    assert all(row["images_per_s"] > 0 for row in rows)


@pytest.mark.parametrize("name", ["flops", "losses_cpu"])
def test_the_page_shows_what_was_measured(name):
    assert render(read_csv(DOCS / f"benchmarks/{name}.csv")) in (DOCS / "benchmarks.md").read_text()


def test_the_full_size_counts_keep_the_promises():
    rows = read_csv(DOCS / "benchmarks/flops.csv")
    assert {row["size_px"] for row in rows} == {"512", "768"}
    for size_px in ("512", "768"):
        found = ratios([row for row in rows if row["size_px"] == size_px])
        assert found["+ contrastive"] <= 1.40
        assert found["+ token + pixel"] <= 1.02


def test_charts_of_the_page_exist():
    for image in re.findall(r"!\[.*?\]\((.*?)\)", (DOCS / "benchmarks.md").read_text()):
        assert (DOCS / image).is_file()
