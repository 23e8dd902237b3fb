"""Which errors are a user's, and what is left of them in one line."""

import argparse

import pytest

from lightning_compose.cli.errors import closest, explain, one_line_errors, useful_line
from lightning_compose.data.schema import Annotation, SampleError
from lightning_compose.data.shards import ShardError, ShardSet

EMPTY_CAPTION = "Expected caption to describe its image, got ''. Write one."


def caught(error: Exception, capsys) -> str | None:
    """The line on stderr, None when the error goes through."""
    with pytest.raises((SystemExit, type(error))) as raised, one_line_errors("program fit"):
        raise error
    if raised.value is error:
        return None
    assert raised.value.code == 2
    return capsys.readouterr().err


def test_a_parse_error_points_to_the_help(capsys):
    line = caught(argparse.ArgumentError(None, "wrong"), capsys)
    assert line == "error: wrong (see program fit --help)\n"


def test_a_missing_file_is_one_line(capsys):
    assert caught(FileNotFoundError(2, "No such file", "x"), capsys) == "error: [Errno 2] No such file: 'x'\n"


def test_an_error_of_this_package_is_one_line():
    with pytest.raises(SampleError) as raised:
        Annotation(caption="", stage="single")
    assert useful_line(raised.value) == EMPTY_CAPTION
    with pytest.raises(ShardError) as raised:
        ShardSet("/nowhere")
    assert "\n" not in useful_line(raised.value)


@pytest.mark.parametrize("error", [ValueError("elsewhere"), RuntimeError("x"), KeyError("x"), TypeError("Expected")])
def test_a_bug_goes_through(error, capsys):
    assert caught(error, capsys) is None


def test_a_type_error_inside_this_package_is_a_bug():
    with pytest.raises(TypeError) as raised:
        closest(3, ["a"])
    assert useful_line(raised.value) is None


def test_lightnings_misconfiguration_is_one_line():
    from lightning.pytorch.utilities.exceptions import MisconfigurationException

    assert useful_line(MisconfigurationException("Two\n  lines")) == "Two lines"


def test_the_environment_variable_keeps_the_traceback(monkeypatch, capsys):
    monkeypatch.setenv("LIGHTNING_COMPOSE_TRACEBACK", "1")
    assert caught(FileNotFoundError("x"), capsys) is None


def test_an_error_from_a_worker_is_its_last_line():
    from torch.utils.data import DataLoader, Dataset

    class Broken(Dataset):
        def __len__(self) -> int:
            return 1

        def __getitem__(self, index: int) -> Annotation:
            return Annotation(caption="", stage="single")

    with pytest.raises(RuntimeError) as raised:
        next(iter(DataLoader(Broken(), num_workers=1)))
    assert useful_line(raised.value) == EMPTY_CAPTION


def test_a_bug_in_a_worker_keeps_its_traceback():
    message = "Caught KeyError in DataLoader worker process 0.\nOriginal Traceback:\n  File x\nKeyError: 'a'"
    assert useful_line(KeyError(message)) is None


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("Parser key \"a.b\":\n  Expected a <class 'int'>. Got value: x", "a.b: Expected int, got 'x'"),
        (
            "Parser key \"a\":\n  Problem with given class_path 'argparse.Action':\n    Option 'dset' is not accepted",
            "a: Problem with given class_path 'argparse.Action': Option 'dset' is not accepted. Did you mean 'dest'?",
        ),
        ("the following arguments are required: fit.data.root", "Expected a value for data.root, got none."),
        ("Subcommand 'fit' does not accept option 'data.rot'", "got 'data.rot'. Did you mean 'data.root'?"),
        ("unrecognized arguments: --data.rot=3", "got '--data.rot=3'. Did you mean 'data.root'?"),
        ("unrecognized arguments: --data.rot 3", "got '--data.rot 3'. Did you mean 'data.root'?"),
        (
            "argument f(run_dir) --> a.b: odd",
            "Expected a.b to follow from run_dir, got a value. Set --run_dir instead.",
        ),
    ],
)
def test_the_parsers_words_become_ours(message, line):
    assert line in explain(message, ["data.root", "data.size_px", "trainer.max_steps"])
    assert "\n" not in explain(message, [])


def test_nothing_is_suggested_from_afar():
    assert closest("zzz", ["data.root"]) == ""
