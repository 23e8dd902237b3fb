"""`shards index|show|pack`: what they print, what they write, and one clear line for every mistake."""

import csv
import subprocess
import sys

import numpy as np
import pytest
from damaged_sets import flip, repack
from PIL import Image

from lightning_compose.data.commands import main
from lightning_compose.data.shards import ShardSet


def refusal(capsys, *argv):
    with pytest.raises(SystemExit) as caught:
        main([str(each) for each in argv])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_index(write_set, capsys):
    root = write_set()
    (root / "index.json").unlink()
    main(["index", str(root)])
    out, progress = capsys.readouterr()
    assert out == f"Indexed 9 samples in {root}.\n"
    assert "100%" in progress
    assert len(ShardSet(root)) == 9


def test_index_leaves_out_what_is_bad_when_told_to(write_set, capsys):
    root = write_set()
    (root / "single/000001.tar").write_bytes(b"no tar")
    with pytest.raises(SystemExit):
        main(["index", str(root)])
    assert "Copy or pack the shard again" in capsys.readouterr().err
    main(["index", str(root), "--on_bad_sample", "skip"])
    out = capsys.readouterr().out
    assert f"Indexed 8 samples in {root}.\nRefused 1 samples and shards:\n" in out
    assert "refused  damaged_tar  single/000001.tar  1" in out
    with pytest.raises(SystemExit) as caught:
        main(["check", str(root)])
    assert caught.value.code == 1
    assert "0 bad, 0 refused when indexed, 1 bad or refused shards" in capsys.readouterr().out


def test_an_index_that_has_less_than_the_one_before_says_so(write_set, capsys):
    root = write_set()
    main(["index", str(root)])
    assert "warning" not in capsys.readouterr().err
    (root / "complex/000000.tar").unlink()
    repack(root / "single/000000.tar", lambda content: [each for each in content if each[0].startswith("000000000")])
    main(["index", str(root)])
    assert (
        "warning: The index before had 9 samples in 6 shards; complex/000000.tar is gone, "
        "single/000000.tar has 1 samples instead of 2. If that is a loss, restore them and index again."
    ) in capsys.readouterr().err
    (root / "index.json").write_text("{")
    main(["index", str(root)])
    assert "warning" not in capsys.readouterr().err


def test_check_goes_on_after_a_shard_that_lacks(write_set, tmp_path, capsys):
    root = write_set()
    (root / "complex/000000.tar").unlink()
    with pytest.raises(SystemExit) as caught:
        main(["check", str(root), "--out", str(tmp_path / "report.csv")])
    assert caught.value.code == 1
    assert "bad missing_shard complex/000000.tar 1" in " ".join(capsys.readouterr().out.split())
    assert "missing_shard" in (tmp_path / "report.csv").read_text()
    (root / "index.json").unlink()
    with pytest.raises(SystemExit) as caught:
        main(["check", str(root)])
    assert caught.value.code == 2


def test_check(write_set, tmp_path, capsys):
    root = write_set()
    main(["check", str(root), "--size_px", "16"])
    assert (
        "9 samples; 0 bad, 0 refused when indexed, 0 bad or refused shards, 9 unsupervised" in capsys.readouterr().out
    )
    flip(root, 3, "positive")
    with pytest.raises(SystemExit) as caught:
        main(["check", str(root), "--out", str(tmp_path / "new/report.csv")])
    assert caught.value.code == 1
    out = capsys.readouterr().out
    assert "9 samples; 1 bad, " in out
    assert "crc32_mismatch" in out
    with (tmp_path / "new/report.csv").open(newline="") as file:
        lines = list(csv.DictReader(file))
    assert {each["key"] for each in lines if each["reason"] == "crc32_mismatch"} == {ShardSet(root).key(3)}
    assert len(lines) == 1 + 1 + 8, "the shard, the sample, and a noun in each other one"


def test_show_writes_where_it_says(write_set, tmp_path, monkeypatch, capsys):
    root = write_set()
    monkeypatch.chdir(tmp_path)
    main(["show", str(root), "--samples", "3"])
    assert "Wrote 3 samples to set_samples.png." in capsys.readouterr().out
    assert Image.open(tmp_path / "set_samples.png").width == 1248
    main(["show", "set", "--out", "new/other.png", "--samples", "99"])
    assert "Wrote 9 samples to new/other.png." in capsys.readouterr().out
    assert (tmp_path / "new" / "other.png").exists()


def test_pack_then_show(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.zeros((8, 8, 3), dtype=np.uint8)).save("a.png")
    (tmp_path / "table.jsonl").write_text('{"positive": "a.png", "caption": "a dog", "nouns": ["dog"]}\n')
    main(["pack", "table.jsonl", "set"])
    assert "Packed 1 pairs into set." in capsys.readouterr().out
    main(["show", "set"])
    assert "0 of 1, 0.0 %" in capsys.readouterr().out


def test_mistakes_in_sets(write_set, tmp_path, capsys):
    assert "found none. Give the folder" in refusal(capsys, "show", tmp_path / "none")
    root = write_set()
    (root / "index.json").unlink()
    expected = f"Run `python -m lightning_compose shards index {root}`."
    assert expected in refusal(capsys, "show", root)
    next(root.glob("*/*.tar")).write_bytes(b"no tar")
    with pytest.raises(SystemExit):
        main(["index", str(root)])
    assert "error: " in capsys.readouterr().err


def test_mistakes_in_tables(write_set, tmp_path, capsys):
    table = tmp_path / "table.csv"
    table.write_text("positive,caption\na.png,\n")
    assert "row 2, column caption: Expected a value" in refusal(capsys, "pack", table, tmp_path / "out")
    assert "No such file" in refusal(capsys, "pack", tmp_path / "none.csv", tmp_path / "out")
    table.write_text("positive,caption\na.png,a dog\n")
    assert "Choose another folder" in refusal(capsys, "pack", table, write_set())


@pytest.mark.parametrize(
    "argv",
    [
        [],
        ["melt"],
        ["show"],
        ["show", "a", "--samples", "0"],
        ["show", "a", "--samples", "x"],
        ["check", "a", "--size_px", "0"],
        ["index", "a", "b"],
    ],
)
def test_mistakes_on_the_command_line(argv, capsys):
    assert "--help" in refusal(capsys, *argv)


def test_help_names_the_columns(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["pack", "--help"])
    assert caught.value.code == 0
    assert "negative_caption" in capsys.readouterr().out


def test_no_command_loads_torch(write_set, tmp_path):
    program = f"""
import sys
from lightning_compose.data.commands import main
main(["index", {str(write_set())!r}])
main(["check", {str(tmp_path / "set")!r}])
main(["show", {str(tmp_path / "set")!r}, "--out", {str(tmp_path / "out.png")!r}])
sys.exit(sorted({{"torch", "matplotlib", "webdataset"}} & set(sys.modules)) or 0)
"""
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
