"""What is amiss as a table and as a file."""

import csv

from lightning_compose.data.findings import LINES_SHOWN, Finding, table, write_csv


def test_the_table_counts_by_kind_reason_and_shard_the_largest_first():
    findings = [
        Finding("unsupervised", "no_mask", "b.tar", count=1200),
        Finding("bad", "bad_image", "a.tar", "x"),
        Finding("bad", "crc32_mismatch", "a.tar", "y"),
        Finding("bad", "crc32_mismatch", "a.tar", "z"),
    ]
    assert table(findings).splitlines() == [
        "kind          reason          shard  count",
        "bad           crc32_mismatch  a.tar  2",
        "bad           bad_image       a.tar  1",
        "unsupervised  no_mask         b.tar  1,200",
    ]


def test_a_long_table_is_cut_and_says_so():
    lines = table([Finding("bad", "bad_image", f"{each}.tar") for each in range(LINES_SHOWN + 3)]).splitlines()
    assert len(lines) == LINES_SHOWN + 2
    assert lines[-1] == "and 3 lines more"


def test_a_foreign_name_cannot_write_to_the_terminal():
    assert "\x1b" not in table([Finding("bad", "bad_image", "\x1b[2J.tar")])


def test_the_file_has_a_line_each(tmp_path):
    finding = Finding("bad", "bad_image", "a.tar", "k", 1, 'Expected "one",\ngot none')
    write_csv([finding, finding], tmp_path / "report.csv")
    with (tmp_path / "report.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert rows[0] == {
        "kind": "bad",
        "reason": "bad_image",
        "shard": "a.tar",
        "key": "k",
        "count": "1",
        "message": 'Expected "one",\ngot none',
    }
