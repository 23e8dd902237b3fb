"""Noise is hidden while a command runs, and nothing else is."""

import logging
import warnings

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
