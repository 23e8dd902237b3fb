"""A whole number on the command line."""

from argparse import ArgumentTypeError

import pytest

from lightning_compose.cli.whole_number import at_least, count


def test_the_least_and_more_are_taken():
    assert [at_least(0)("0"), at_least(16)("16"), count("12")] == [0, 16, 12]


@pytest.mark.parametrize("text", ["15", "-16", "16.0", "many", ""])
def test_what_is_less_or_not_whole_is_refused(text):
    with pytest.raises(ArgumentTypeError, match=f"Expected a whole number of at least 16, got '{text}'"):
        at_least(16)(text)


def test_nothing_is_no_count():
    with pytest.raises(ArgumentTypeError, match="at least 1, got '0'"):
        count("0")
