"""The table counts what is there."""

import re

import pytest

from lightning_compose.data.shards import ShardSet
from lightning_compose.data.summary import summarize


@pytest.fixture
def lines(write_set, make_sample):
    samples = [
        make_sample(number, negative=number != 4, category="shape" if number < 3 else "scene") for number in range(8)
    ]
    samples.append(make_sample(8, height=20, width=20, category="scene", nouns=(), masks=()))
    return summarize(ShardSet(write_set(samples))).splitlines()


def cells(lines, name):
    return next(re.split(r"\s{2,}", line)[1:] for line in lines if re.split(r"\s{2,}", line)[0] == name)


def test_samples_by_stage_and_category(lines):
    assert lines[2].split() == ["single", "composition", "complex", "all"]
    assert cells(lines, "shape") == ["1", "1", "1", "3"]
    assert cells(lines, "scene") == ["2", "2", "2", "6"]
    assert cells(lines, "all") == ["3", "3", "3", "9"]
    assert not any(line.startswith("color") for line in lines)


def test_shares_sizes_and_bytes(lines):
    assert "9 samples, 6 shards, 0.1 MB" in lines[0]
    assert cells(lines, "pairs with a negative") == ["8 of 9, 88.9 %"]
    assert cells(lines, "nouns with a mask") == ["8 of 16, 50.0 %"]
    assert cells(lines, "image sizes") == ["24 x 16: 88.9 %, 20 x 20: 11.1 %"]


def test_what_was_not_read_is_said(write_set):
    text = summarize(ShardSet(write_set()), samples_read=4)
    assert text.count("(of 4 samples read)") == 2
    assert "9 of 9, 100.0 %" in text


def test_a_set_without_nouns_has_no_share(write_set, make_sample):
    text = summarize(ShardSet(write_set([make_sample(0, nouns=(), masks=())])))
    assert "0 of 0, none" in text
