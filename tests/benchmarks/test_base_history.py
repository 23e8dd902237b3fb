"""What each training of the base brought: rows by hand, and the folder of a base that was."""

import subprocess

import pytest
from scored import scored

from benchmarks import base_history


def made(*right: bool) -> list:
    return [
        scored("color", is_right, f"prompt {index}", "seen" if index % 2 else "held_out")
        for index, is_right in enumerate(right)
    ]


def test_a_row_a_training_with_what_it_brought():
    seen, better = made(False, True, False, False), made(True, True, False, True)
    first, second, third = base_history.rows({64: seen, 192: better, 320: better})
    assert first == {
        "samples seen": "64",
        "seen compositions, %": "50.0",
        "held-out compositions, %": "0.0",
        "both, above the row before": "",
        "95 % interval": "",
    }
    assert (second["samples seen"], second["seen compositions, %"]) == ("192", "100.0")
    assert second["held-out compositions, %"] == second["both, above the row before"].strip("+") == "50.0"
    low, high = (float(each) for each in second["95 % interval"].split(" to "))
    assert low <= 50 <= high
    assert third["both, above the row before"] == "+0.0", "not above the first"


def test_a_base_that_was_has_the_weights_of_its_commit(tmp_path):
    folder = base_history.write_base("HEAD", tmp_path / "base")
    shipped = base_history.ROOT / base_history.BASE
    committed = ["git", "show", f"HEAD:{base_history.BASE / base_history.WEIGHTS}"]
    weights = subprocess.run(committed, cwd=base_history.ROOT, capture_output=True, check=True).stdout
    assert (folder / base_history.WEIGHTS).read_bytes() == weights
    files = {each.relative_to(shipped) for each in shipped.rglob("*") if each.is_file()}
    assert all((folder / each).is_file() for each in files)


def test_a_commit_that_is_missing_is_named(tmp_path):
    with pytest.raises(RuntimeError, match="Expected the history to have 0000000"):
        base_history.write_base("0000000", tmp_path / "base")
