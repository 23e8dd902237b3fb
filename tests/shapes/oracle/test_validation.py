"""The command measures, and writes tables and a picture where the page asks for them."""

import csv

import pytest

from lightning_compose.shapes.oracle import validation
from lightning_compose.shapes.oracle.smears import SMEARS
from lightning_compose.shapes.oracle.validation import THROUGH_VAE, main

PAGE = "# Page\n\n<!-- begin oracle -->\n<!-- end oracle -->\n\n<!-- begin confusion -->\n<!-- end confusion -->\n"


def read_csv(file):
    with file.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_it_writes_tables_and_picture(tmp_path):
    (tmp_path / "oracle.md").write_text(PAGE)
    main(["--out", str(tmp_path), "--pairs", "2"])
    rows = {row["images"]: row for row in read_csv(tmp_path / "benchmarks" / "oracle.csv")}
    assert float(rows["renders"]["right, %"]) == 100
    assert float(rows[THROUGH_VAE]["right, %"]) >= 90
    smears = read_csv(tmp_path / "benchmarks" / "oracle_smears.csv")
    assert [row["smears"] for row in smears] == list(SMEARS)
    assert {row["counted as correct"] for row in smears} == {"0"}
    page = (tmp_path / "oracle.md").read_text()
    assert "Both images of 2 held-out pairs, seed 7" in page
    assert "| renders |" in page
    assert "| five-pointed star |" in page
    assert (tmp_path / "images" / "oracle.png").stat().st_size > 0


def test_a_page_without_markers_is_refused(tmp_path, monkeypatch):
    (tmp_path / "oracle.md").write_text("# Page\n")
    monkeypatch.setattr(validation, "SMEARS", {"noise": SMEARS["noise"]})
    with pytest.raises(ValueError, match="begin oracle"):
        main(["--out", str(tmp_path), "--pairs", "1"])
