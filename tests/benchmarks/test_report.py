import pytest
import torch

from benchmarks.report import machine, read_csv, render, replace_block, write_csv

ROWS = [
    {"model": "m", "size_px": size_px, "batch_size": 2, "precision": "float32", "variant": name, "time_ms": 1.5}
    for size_px in (64, 128)
    for name in ("plain", "other")
]
TABLES = """m, 64 px, batch of 2, float32

| variant | time, ms |
| --- | ---: |
| plain | 1.5 |
| other | 1.5 |

m, 128 px, batch of 2, float32

| variant | time, ms |
| --- | ---: |
| plain | 1.5 |
| other | 1.5 |"""


def test_a_table_a_setting():
    assert render(ROWS) == TABLES


def test_the_file_holds_all_that_the_tables_show(tmp_path):
    write_csv(tmp_path / "folder/rows.csv", ROWS)
    assert render(read_csv(tmp_path / "folder/rows.csv")) == TABLES


def test_a_block_is_replaced_and_the_rest_stays(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- begin a -->old<!-- end a -->\n<!-- begin b -->kept<!-- end b -->\n")
    replace_block(page, "a", r"new \1")
    expected = "before\n<!-- begin a -->\n\nnew \\1\n\n<!-- end a -->\n<!-- begin b -->kept<!-- end b -->\n"
    assert page.read_text() == expected
    replace_block(page, "a", r"new \1")
    assert page.read_text() == expected


def test_a_page_without_the_block_is_an_error(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("nothing")
    with pytest.raises(ValueError, match="begin a"):
        replace_block(page, "a", "text")


def test_the_machine_is_named():
    assert machine(torch.device("cpu")).endswith(f"{torch.get_num_threads()} threads, torch {torch.__version__}")
