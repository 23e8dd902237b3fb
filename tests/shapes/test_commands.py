"""``python -m lightning_compose shapes`` writes a set that the reader opens, and refuses what would mix."""

import subprocess
import sys

import pytest

from lightning_compose.data.shards import ShardSet
from lightning_compose.evaluation.prompts import read_benchmark
from lightning_compose.shapes.benchmark import draw_prompts
from lightning_compose.shapes.commands import main
from lightning_compose.shapes.generate import generate
from lightning_compose.shapes.pairs import ROUND


def test_writes_a_set(tmp_path, capsys):
    out = tmp_path / "set"
    main(["--out", str(out), "--pairs", str(len(ROUND)), "--seed", "3", "--split", "held_out", "--size_px", "32"])
    shards = ShardSet(out)
    wanted = {each.key: each for each in generate(3, "held_out", range(len(ROUND)), 32)}
    assert {shards.key(row): shards.read(row) for row in range(len(shards))} == wanted
    printed = capsys.readouterr()
    assert printed.out == f"Wrote {len(ROUND)} pairs (held_out, seed 3, 32 px) to {out}\n"
    assert f"{len(ROUND)}/{len(ROUND)}" in printed.err


def test_writes_the_same_bytes_again(tmp_path):
    for name in ("first", "second"):
        main(["--out", str(tmp_path / name), "--pairs", "16"])
    first = {path.relative_to(tmp_path / "first"): path.read_bytes() for path in files(tmp_path / "first")}
    second = {path.relative_to(tmp_path / "second"): path.read_bytes() for path in files(tmp_path / "second")}
    assert first == second
    assert len(first) == 5


def test_refuses_a_folder_with_something_in_it(tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(SystemExit) as stopped:
        main(["--out", str(tmp_path)])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Expected --out to be a new or empty folder")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("argument", [["--pairs", "0"], ["--size_px", "8"], ["--seed", "-1"], ["--split", "test"]])
def test_refuses_wrong_arguments(argument, tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["--out", str(tmp_path / "set"), *argument])
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: argument {argument[0]}: ")
    assert argument[1] in line
    assert line.endswith("(see python -m lightning_compose shapes --help)")


def test_writes_the_prompts_of_the_benchmark(tmp_path, capsys):
    out = tmp_path / "new" / "prompts.jsonl"
    main(["prompts", "--out", str(out), "--per_category", "1", "--seed", "5"])
    assert read_benchmark(out) == draw_prompts(1, seed=5)
    assert capsys.readouterr().out == f"Wrote 18 prompts (seed 5) to {out}\n"


def test_refuses_wrong_arguments_of_prompts(tmp_path, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["prompts", "--out", str(tmp_path / "p.jsonl"), "--per_category", "0"])
    assert stopped.value.code == 2
    assert "(see python -m lightning_compose shapes prompts --help)" in capsys.readouterr().err


def test_needs_no_torch():
    code = "import sys, lightning_compose.shapes.commands; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def files(root):
    return sorted(path for path in root.rglob("*") if path.is_file())
