"""Measurements in the documentation: files of their own, and blocks of its pages."""

import csv

import pytest

from lightning_compose.documentation import replace_block, write_csv


def test_a_file_holds_the_rows_below_their_names(tmp_path):
    rows = [{"name": "a, b", "time_ms": 1.5}, {"name": "c", "time_ms": 2}]
    write_csv(tmp_path / "folder/rows.csv", rows)
    assert (tmp_path / "folder/rows.csv").read_bytes() == b'name,time_ms\n"a, b",1.5\nc,2\n'
    with (tmp_path / "folder/rows.csv").open(newline="") as lines:
        assert list(csv.DictReader(lines)) == [{name: str(cell) for name, cell in row.items()} for row in rows]


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
