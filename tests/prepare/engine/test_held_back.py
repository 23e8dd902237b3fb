"""One line of native code is left out, all else comes through."""

import os
import re
import subprocess
import sys

import pytest

from lightning_compose.prepare.engine.held_back import without_lines

LINE = re.compile(rb"level \d")


def fail_within():
    with without_lines(LINE):
        os.write(2, b"before the error\n")
        raise KeyError


def test_all_but_the_lines_come_through(capfd):
    with without_lines(LINE):
        os.write(2, b"I set level 3\nE broken\n")
        subprocess.run([sys.executable, "-S", "-c", "import os; os.write(2, b'of a child\\nlevel 4\\n')"], check=True)
    os.write(2, b"later: level 3\n")
    assert capfd.readouterr().err == "E broken\nof a child\nlater: level 3\n"


def test_an_error_passes_and_the_terminal_is_back(capfd):
    with pytest.raises(KeyError):
        fail_within()
    os.write(2, b"after it\n")
    assert capfd.readouterr().err == "before the error\nafter it\n"
