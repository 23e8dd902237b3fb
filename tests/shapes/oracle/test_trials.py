"""Held-out renders are answered rightly; confusions are counted by hand."""

from lightning_compose.shapes.oracle.reading import Reading, Seen
from lightning_compose.shapes.oracle.trials import NOTHING, confusions, try_drawing, try_smear
from lightning_compose.shapes.pairs import ROUND, draw_pair
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Background, Object, Scene

RED_RING = Object("ring", "red", "plain", 0.3, 0.5, 0.3)
BLUE_HEART = Object("heart", "blue", "dotted", 0.7, 0.5, 0.3)


def test_all_questions_about_renders_are_answered_rightly():
    pairs = [draw_pair(0, "held_out", index) for index in range(2 * len(ROUND))]
    trial = try_drawing(pairs, lambda scene, _: render(scene))
    assert trial.share_right() >= 0.99
    assert trial.images == 2 * len(pairs)


def test_renders_of_another_scene_are_not():
    other = Scene(Background("meadow"), (RED_RING,))
    trial = try_drawing([draw_pair(0, "held_out", 1)], lambda scene, _: render(other))
    assert trial.share_right() < 1
    assert trial.faultless == 0


def test_a_smear_that_is_the_scene_is_counted():
    pairs = [draw_pair(0, "held_out", index) for index in range(4)]
    counted = try_smear(pairs, lambda scenes, index, _: render(scenes[index]), "test/smear")
    assert counted == (4, sum(len(pair.positive.objects) for pair in pairs))


def test_both_images_of_a_pair_are_drawn():
    pair, drawn = draw_pair(0, "held_out", 0), []
    try_drawing([pair], lambda scene, number: drawn.append((scene, number)) or render(scene))
    assert drawn == [(pair.positive, 0), (pair.negative, 1)]


def test_confusions():
    moved = Object("ring", "pink", "plain", 0.33, 0.5, 0.3)
    reading = Reading(None, (Seen(moved, 1.0), Seen(Object("circle", "green", "plain", 0.9, 0.9, 0.2), 1.0)))
    found = set(confusions(Scene(Background("meadow"), (RED_RING, BLUE_HEART)), reading))
    assert found >= {("shape", "ring", "ring"), ("color", "red", "pink"), ("texture", "dotted", NOTHING)}
    assert ("shape", NOTHING, "circle") in found
    assert len(found) == 9
