"""`python -m lightning_compose`: what needs no model does not wait for torch."""

import subprocess
import sys
from pathlib import Path

import pytest

from lightning_compose.cli import COMMANDS, main

ROOT = Path(__file__).parents[1]
LOADED = "import sys\nprint('torch' in sys.modules, 'lightning' in sys.modules, file=sys.stderr)"


def test_the_module_runs_and_names_itself():
    command = [sys.executable, "-m", "lightning_compose", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.startswith("usage: python -m lightning_compose COMMAND")


@pytest.mark.parametrize("argv", [["--help"], ["fti"], ["shapes", "--help"], ["shards", "--help"]])
def test_help_and_mistakes_do_not_import_torch(argv):
    code = f"from lightning_compose.cli import main\ntry:\n    main({argv})\nexcept SystemExit:\n    pass\n{LOADED}"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stderr.splitlines()[-1] == "False False"


@pytest.mark.parametrize("argv", [[], ["-h"], ["--help"]])
def test_the_overview_has_a_line_a_command_and_two_examples(argv, capsys):
    main(argv)
    lines = capsys.readouterr().out.splitlines()
    for command, text in COMMANDS.items():
        assert sum(line.split(maxsplit=1) == [command, text] for line in lines) == 1
    assert sum(line.startswith("  python -m lightning_compose ") for line in lines) == 2


def test_an_unknown_command_is_one_line_with_the_closest(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["fitt", "--config", "x"])
    assert exit_.value.code == 2
    error = capsys.readouterr().err
    assert error.startswith("error: Expected a command, got 'fitt'. Did you mean 'fit'? Known: fit, ")
    assert error.count("\n") == 1


def test_help_of_a_command_names_the_program(capsys):
    for command in ("fit", "predict"):
        with pytest.raises(SystemExit) as exit_:
            main([command, "--help"])
        assert exit_.value.code == 0
        output = capsys.readouterr().out
        assert "python -m lightning_compose" in output.splitlines()[0]
        assert "__main__" not in output
