"""The losses of a command line: null takes one away, whatever else there is."""

import pytest

from lightning_compose.cli.config_files import CommandLine
from lightning_compose.cli.loss_classes import settle_losses

TOKEN = {"class_path": "TokenLoss"}


@pytest.mark.parametrize(
    ("losses", "kept"),
    [({"token": TOKEN, "pixel": None}, {"token": TOKEN}), ({"token": None}, {}), (None, {}), ({}, {})],
)
def test_null_takes_a_loss_away(losses, kept):
    line = CommandLine(config={"losses": losses, "seed_everything": 1}, arguments=("--x", "1"))
    assert settle_losses(line) == CommandLine(config={"losses": kept, "seed_everything": 1}, arguments=("--x", "1"))


@pytest.mark.parametrize("config", [{}, {"losses": 5}])
def test_all_else_is_left_to_the_parser(config):
    assert settle_losses(CommandLine(config=config)).config == config
