"""What shows nothing is read as nothing."""

import pytest

from lightning_compose.seeding import generator
from lightning_compose.shapes.oracle.reader import read
from lightning_compose.shapes.oracle.smears import SMEARS
from lightning_compose.shapes.oracle.trials import try_smear
from lightning_compose.shapes.pairs import draw_pair


@pytest.fixture(scope="module")
def pairs():
    return [draw_pair(5, "held_out", index) for index in range(12)]


@pytest.mark.parametrize("name", SMEARS)
def test_no_prompt_is_counted_as_correct(pairs, name):
    correct, seen = try_smear(pairs, SMEARS[name], name)
    assert correct == 0
    assert seen <= 0.35 * sum(len(pair.positive.objects) for pair in pairs)


def test_noise_has_no_background(pairs):
    assert read(SMEARS["noise"]([pairs[0].positive], 0, generator(0, "test"))).background is None


def test_a_background_alone_is_known(pairs):
    scenes = [pair.positive for pair in pairs]
    reading = read(SMEARS["background alone"](scenes, 0, generator(0, "test")))
    assert reading.background == scenes[0].background.kind
    assert not reading.objects
