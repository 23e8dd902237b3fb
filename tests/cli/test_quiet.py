"""Noise is hidden while a command runs, and nothing else is."""

import logging
import warnings

import pytest
from jsonargparse import ArgumentParser

from lightning_compose.cli.quiet import quiet

RANK_ZERO = logging.getLogger("lightning.pytorch.utilities.rank_zero")


def test_advertising_is_hidden_and_news_is_not(caplog):
    with caplog.at_level(logging.INFO, RANK_ZERO.name):
        with quiet():
            RANK_ZERO.info("Tip: buy this")
            RANK_ZERO.info("GPU available: True")
        RANK_ZERO.info("Tip: again")
    assert [record.getMessage() for record in caplog.records] == ["GPU available: True", "Tip: again"]


def test_other_warnings_come_through():
    with warnings.catch_warnings(record=True) as seen, quiet():
        warnings.warn("Found 3 module(s) in eval mode at the start of training.", stacklevel=1)
        warnings.warn("look out", stacklevel=1)
    assert [str(each.message) for each in seen] == ["look out"]


def test_what_lightning_calls_of_jsonargparse_is_its_own_affair(monkeypatch):
    monkeypatch.setenv("JSONARGPARSE_DEPRECATION_WARNINGS", "all")  # else one a process
    parser = ArgumentParser()
    with warnings.catch_warnings(record=True) as seen, quiet():
        warnings.simplefilter("always", append=True)
        parser.add_instantiator(int, int)
        parser.instantiate_classes(parser.parse_args([]))
        parser.dump(parser.parse_args([]), skip_none=False)
    assert not seen
    with pytest.warns(DeprecationWarning, match="instantiate_classes"):
        parser.instantiate_classes(parser.parse_args([]))
