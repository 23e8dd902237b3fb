"""Two trainings never write into one folder; a killed one does not keep the next one out."""

import subprocess
import sys

import pytest

from lightning_compose.cli import main
from lightning_compose.cli.run_lock import locked

HOLD = """
import sys
from lightning_compose.cli.run_lock import locked
with locked("runs/tiny"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(config):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_a_second_fit_in_the_same_folder_is_refused(config, holder, capsys):
    with pytest.raises(SystemExit):
        main(["fit", "--config", config, "--ckpt_path", "last"])
    assert capsys.readouterr().err.startswith("error: Expected 'runs/tiny' to be free, got a folder in which another")


def test_a_kill_frees_the_folder(holder):
    holder.kill()
    holder.wait()
    with locked("runs/tiny"):
        pass
