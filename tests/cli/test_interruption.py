"""A training that a person stops says where it stands, in one line and without a traceback."""

import os
import signal

import pytest

from lightning_compose.backbones import Backbone
from lightning_compose.cli import main
from lightning_compose.module import ComposeModule


class StoppedAtStep2(ComposeModule):
    number = signal.SIGINT

    def on_train_batch_start(self, batch, batch_idx):
        if self.global_step == 2:
            os.kill(os.getpid(), self.number)


class TerminatedAtStep2(StoppedAtStep2):
    number = signal.SIGTERM


@pytest.fixture(autouse=True)
def handlers():
    """Lightning ignores a second Ctrl-C for good."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # A shell ignores Ctrl-C for what it runs in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def interrupt(config, capsys, module_class, interval):
    """Return the exit code and the lines on stdout of a training that is stopped in its third step."""
    arguments = ["--trainer.max_steps", "9", "--checkpoint.every_n_train_steps", str(interval)]
    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--config", config, *arguments], module_class=module_class)
    output = capsys.readouterr()
    for unwanted in ("Traceback", "graceful shutdown", "SIGTERM"):
        assert unwanted not in output.err
    return exit_.value.code, output.out.splitlines()


@pytest.mark.parametrize(
    ("interval", "way_on"),
    [
        (1, "go on with --ckpt_path last, the latest checkpoint is of step 2"),
        (100, "there is no checkpoint yet"),
    ],
)
def test_the_way_on_is_one_line(config, capsys, interval, way_on):
    assert interrupt(config, capsys, StoppedAtStep2, interval) == (1, [f"Interrupted at step 2; {way_on}"])


def test_a_signal_lets_the_step_end_and_be_saved(config, capsys):
    way_on = "go on with --ckpt_path last, the latest checkpoint is of step 3"
    assert interrupt(config, capsys, TerminatedAtStep2, 100) == (143, [f"Interrupted at step 3; {way_on}"])


@pytest.mark.parametrize("command", ["fit --trainer.fast_dev_run 9", "validate"])
def test_a_signal_is_no_success_where_nothing_is_saved(config, capsys, command):
    class Terminated(TerminatedAtStep2):
        def validation_step(self, batch, batch_idx):
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(SystemExit) as exit_:
        main([*command.split(), "--config", config], module_class=Terminated)
    assert exit_.value.code == 143


def test_before_the_training_it_is_one_word(config, capsys):
    class Slow(ComposeModule):
        def __init__(self, backbone: Backbone) -> None:
            raise KeyboardInterrupt

    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--config", config], module_class=Slow)
    assert exit_.value.code == 130
    assert capsys.readouterr().err == "Interrupted\n"
