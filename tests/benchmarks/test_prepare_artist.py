"""What the artist's images show is what it says they show."""

import pytest

from benchmarks.prepare_artist import Artist, SceneJudge
from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.pairs import draw_pair
from lightning_compose.shapes.preparing.answerer import FaultyOracle
from lightning_compose.shapes.questions import ask

PAIR = draw_pair(0, "train", 1)
CAPTION, OTHER = (phrase(each, PAIR.style).text for each in (PAIR.description, PAIR.negative_description))
QUESTIONS = ask(PAIR.description)
SEEDS = range(40)


def painted(skill, caption=CAPTION):
    artist = Artist(PAIR, skill)
    return artist, artist.paint([caption] * len(SEEDS), SEEDS)


@pytest.mark.parametrize(("caption", "share"), [(CAPTION, 1.0), (OTHER, 0.0)])
def test_one_that_can_do_it_draws_what_it_is_asked_for(caption, share):
    artist, images = painted(1.0, caption)
    assert sum(artist.shows(each, QUESTIONS) for each in images) == share * len(images)
    assert len({each.tobytes() for each in images}) == len(images)


def test_one_that_cannot_draws_something_else_at_times():
    artist, images = painted(0.0)
    shown = sum(artist.shows(each, QUESTIONS) for each in images)
    assert 0 < shown < 0.7 * len(images)
    assert [each.tobytes() for each in painted(0.0)[1]] == [each.tobytes() for each in images]


def test_the_judge_of_scenes_answers_as_the_oracle_does():
    artist, images = painted(0.5)
    some, asked, keys = images[:4], [QUESTIONS] * 4, list("abcd")
    for rate in (0.0, 0.5):
        judge = SceneJudge(artist, rate, 3)
        assert judge.answer(some, asked, keys) == FaultyOracle(rate, 3).answer(some, asked, keys)
