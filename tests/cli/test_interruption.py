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
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(("module_class", "code"), [(StoppedAtStep2, 1), (TerminatedAtStep2, 143)])
@pytest.mark.parametrize(
    ("interval", "way_on"),
    [
        ("1", "go on with --ckpt_path last, the latest checkpoint is of step 2"),
        ("100", "there is no checkpoint yet"),
    ],
)
def test_the_way_on_is_one_line(config, capsys, module_class, code, interval, way_on):
    arguments = ["--trainer.max_steps", "9", "--checkpoint.every_n_train_steps", interval]
    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--config", config, *arguments], module_class=module_class)
    assert exit_.value.code == code
    output = capsys.readouterr()
    assert output.out.splitlines() == [f"Interrupted at step 2; {way_on}"]
    assert "Traceback" not in output.err
    assert "graceful shutdown" not in output.err
    assert "SIGTERM" not in output.err


def test_before_the_training_it_is_one_word(config, capsys):
    class Slow(ComposeModule):
        def __init__(self, backbone: Backbone) -> None:
            raise KeyboardInterrupt

    with pytest.raises(SystemExit) as exit_:
        main(["fit", "--config", config], module_class=Slow)
    assert exit_.value.code == 130
    assert capsys.readouterr().err == "Interrupted\n"
