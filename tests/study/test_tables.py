"""Tables: read as they were written, and refused by name and line."""

import pytest
from made_study import made_study, write_tables

from lightning_compose.study.tables import Evaluated, read_tables

MADE = made_study({"base": 0.3, "plain": 0.4}, seeds=1, prompts=1, losses={"plain": ["token"]})


@pytest.fixture
def folder(tmp_path):
    return write_tables(MADE, tmp_path / "tables")


def test_what_was_written_is_read(folder):
    assert MADE.terms
    assert read_tables(folder) == MADE


def test_what_was_not_measured_is_none(folder):
    (folder / "runs.csv").write_text(
        "arm,seed,step,steps,flops,seconds,kid,clip_score,val_denoise\nplain,0,1,1,1e9,2.5,,,\n"
    )
    assert read_tables(folder).runs == (Evaluated("plain", 0, 1, 1, 1e9, 2.5),)


def test_a_missing_table_is_named(folder):
    (folder / "runs.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"found no \['runs.csv'\]"):
        read_tables(folder)


@pytest.mark.parametrize("row", ["plain,0,one,1,1e9,2.5,,,", "plain,0"])
def test_a_broken_row_is_named(folder, row):
    file = folder / "runs.csv"
    file.write_text(f"{file.read_text().splitlines()[0]}\n{row}\n")
    with pytest.raises(ValueError, match=r"runs.csv:2 to have a valid cell"):
        read_tables(folder)
