"""What a run met: bad samples once, nouns each time, over ranks and lives."""

import io
from collections import Counter

import pytest
import torch

from lightning_compose.data.bad_samples import BadSample, TooManyBadSamplesError
from lightning_compose.data.sample_report import SampleReport, Tally


def bad(row, reason="bad_image"):
    return BadSample(row, "a.tar", str(row), reason, "Expected an image")


def tally(*rows, nouns=0):
    return Tally({row: bad(row) for row in rows}, +Counter({("no_mask", "a.tar"): nouns}), samples=2)


@pytest.fixture
def report():
    return SampleReport("my_set", max_bad_samples=3)


def test_a_bad_sample_counts_once_and_a_noun_each_time(report):
    for _ in range(3):
        report.add(tally(7, 4, nouns=2))
    assert report.bad_samples == 2
    assert [(each.kind, each.key, each.count) for each in report.findings()] == [
        ("bad", "4", 1),
        ("bad", "7", 1),
        ("unsupervised", "", 6),
    ]
    lines = report.summary().splitlines()
    assert lines[:2] == ["Bad samples that were replaced: 2", "Nouns without supervision: 6, in 6 samples"]


def test_nothing_is_told_of_nothing(report):
    report.add(tally())
    assert report.summary() == ""


def test_ranks_that_tell_each_other_again_and_again_count_nothing_twice():
    ranks = [SampleReport("my_set", 9) for _ in range(2)]
    for _ in range(3):
        ranks[0].add(tally(1, nouns=1))
        ranks[1].add(tally(1, 2, nouns=2))
        own = [rank.own for rank in ranks]
        for rank in ranks:
            rank.share(own)
    assert ranks[0].findings() == ranks[1].findings()
    assert ranks[0].bad_samples == 2
    assert ranks[0].findings()[-1].count == 9


def test_it_goes_on_in_the_next_life(report):
    report.add(tally(1, nouns=4))
    file = io.BytesIO()
    torch.save(report.state_dict(), file)
    file.seek(0)
    resumed = SampleReport("my_set", 3)
    resumed.load_state_dict(torch.load(file, weights_only=True))
    assert resumed.findings() == report.findings()
    resumed.add(tally(1, 2, nouns=1))
    assert resumed.summary().splitlines()[:2] == [
        "Bad samples that were replaced: 2",
        "Nouns without supervision: 5, in 4 samples",
    ]


def test_the_budget_holds_over_ranks_and_lives(report):
    report.share([tally(1, 2), tally(2, 3)])
    report.add(tally(3))
    resumed = SampleReport("my_set", 3)
    resumed.load_state_dict(report.state_dict())
    with pytest.raises(TooManyBadSamplesError, match=r"at most 3 bad samples in my_set, got 4: bad_image 4\. .*check"):
        resumed.add(tally(4))
