"""A step goes on with what it was begun with, or says what is different."""

import pytest
from made_prompts import prompt_row

from lightning_compose.prepare.step_record import read_record, record

SETTINGS = {"seed": 0, "painter": {"init_args": {"steps": 20, "sizes": (1, 2)}}}
ROWS = [prompt_row("a"), prompt_row("b")]


def test_the_same_goes_on(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    record(tmp_path, SETTINGS, ROWS)
    assert read_record(tmp_path).rows == 2


def test_nothing_is_begun_without_a_record(tmp_path):
    assert read_record(tmp_path) is None


def test_changed_settings_are_refused_by_their_keys(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    changed = {"seed": 0, "painter": {"init_args": {"steps": 30, "sizes": (1, 2)}}}
    with pytest.raises(ValueError, match=r"got painter.init_args.steps 30 instead of 20. Set them back, take another"):
        record(tmp_path, changed, ROWS)


def test_changed_rows_are_refused(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    with pytest.raises(ValueError, match="the 2 rows that it was begun with, got 2 others"):
        record(tmp_path, SETTINGS, [prompt_row("a"), prompt_row("b", prompt="another")])
