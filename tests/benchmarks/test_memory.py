"""Computed memory is what an allocator counts, and the page shows the committed numbers."""

from dataclasses import replace

import pytest
import torch

from benchmarks import memory
from benchmarks.full_size import build
from benchmarks.memory import CHECKED, CPU, Setting, computed, measured, settings, table
from lightning_compose.documentation import read_csv

PAGE = memory.DOCS / "memory.md"
SMALL = Setting("shapes-sd3", 64)


def rows(name):
    return read_csv(memory.DOCS / f"benchmarks/{name}.csv")


@pytest.mark.parametrize(
    "setting", [replace(SMALL, cached=True), replace(SMALL, checkpointing=True, t5=True), Setting("shapes", 64)]
)
def test_computed_is_what_is_measured(setting):
    expected, found = computed(setting), measured(setting, CPU)
    assert (expected.trained, expected.frozen) == (found.trained, found.frozen)
    assert expected.peak == pytest.approx(found.peak, rel=0.005)


def test_what_lies_there_is_weights_and_two_moments():
    with torch.device("meta"):
        parameters = memory.build_module(SMALL).backbone.trained.num_parameters()
    plain = computed(replace(SMALL, cached=True))
    # AdamW counts its steps, a number for each tensor.
    assert plain.trained == pytest.approx(3 * 4 * parameters, rel=1e-3)
    assert plain.peak > 4 * 4 * parameters, "with gradients"
    assert plain.frozen < computed(SMALL).frozen < computed(replace(SMALL, t5=True)).frozen


def test_activations_grow_with_the_batch_less_so_with_checkpointing():
    def growth(setting):
        return computed(replace(setting, batch_size=16)).peak - computed(replace(setting, batch_size=8)).peak

    large = replace(SMALL, size_px=128, cached=True)
    assert growth(replace(large, checkpointing=True)) < growth(large) / 2
    assert growth(replace(large, bf16=True)) < growth(large)


@pytest.mark.parametrize(("name", "parameters"), [("sd21", 865_910_724), ("sd3-medium", 2_028_328_000)])
def test_full_sizes_are_the_published_ones(name, parameters, tmp_path):
    with torch.device("meta"):
        backbone = build(name, tmp_path, encoders=False)
    assert backbone.trained.num_parameters() == parameters


@pytest.mark.parametrize("name", ["memory", "memory_held", "memory_check"])
def test_the_page_shows_the_committed_values(name):
    assert table(rows(name)) in PAGE.read_text()


def test_the_committed_values_are_of_all_settings_and_were_held_to_the_allocator():
    assert [
        (each["model"], int(each["size_px"]), each["precision"], each["checkpointing"]) for each in rows("memory")
    ] == [
        (each.model, each.size_px, memory.PRECISIONS[each.bf16], "yes" if each.checkpointing else "no")
        for each in settings()
    ]
    ratios = [float(each["ratio"]) for each in rows("memory_check")]
    assert len(ratios) == len(CHECKED)
    assert ratios == pytest.approx([1] * len(ratios), abs=0.01)


def test_main_writes_what_the_page_shows(tmp_path, monkeypatch):
    (tmp_path / "memory.md").write_text(PAGE.read_text())
    monkeypatch.setattr(memory, "CHECKED", [replace(SMALL, cached=True)])
    monkeypatch.setattr(memory, "settings", lambda: [SMALL])
    monkeypatch.setattr(memory, "held_row", lambda model, t5=False: {"model": model, "t5": t5})
    memory.main(["--device", "cpu", "--docs", str(tmp_path)])
    page = (tmp_path / "memory.md").read_text()
    assert "| shapes-sd3 | 64 | float32 | no | 0." in page
    assert "| sd3-medium | True |" in page
    assert len(read_csv(tmp_path / "benchmarks/memory_check.csv")) == 1


def test_what_does_not_fit_on_a_gpu_is_told_so(monkeypatch):
    def full(setting, device):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(memory, "measured", full)
    monkeypatch.setattr(memory, "BATCH_SIZES", (1,))
    assert memory.row(SMALL, torch.device("cuda"))["measured, cached, 1 image"] == "does not fit"
    assert "measured, cached, 1 image" not in memory.row(SMALL)
