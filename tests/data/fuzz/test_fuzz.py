"""A hundred of the thousand mutated shards: refused, or read as they were; see `python -m tests.data.fuzz`."""

import pytest

from lightning_compose.seeding import generator
from tests.data.fuzz.__main__ import table
from tests.data.fuzz.campaign import IN_TURN, MUTATIONS, Campaign

SHARDS, SAMPLED = 1000, 100


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return Campaign(seed=0)


@pytest.mark.parametrize("number", sorted(generator(0, "fuzz").choice(SHARDS, SAMPLED, replace=False).tolist()))
def test_no_mutated_shard_does_harm_or_is_read_wrongly(campaign, number):
    findings = list(campaign.findings(number))
    assert len(findings) == 3
    assert not [(each.mutation, each.way, each.outcome) for each in findings if each.failed]


def test_a_number_means_the_same_damage_everywhere(campaign):
    number = [mutation.__name__ for _, mutation in IN_TURN].index("flipped_bits")
    first, second = (
        [(each.way, each.outcome) for each in made.findings(number)] for made in (campaign, Campaign(seed=0))
    )
    assert first == second


def test_all_mutations_are_among_the_thousand_and_have_names_of_their_own():
    names = [mutation.__name__ for mutations in MUTATIONS.values() for mutation in mutations]
    assert len(set(names)) == len(names) == len(IN_TURN) < SHARDS


def test_the_table_has_a_line_for_each_way(campaign):
    lines = list(table(campaign.findings(0)))
    assert [line.split()[0] for line in lines if line.startswith("flipped_bits")] == ["flipped_bits"] * 3
