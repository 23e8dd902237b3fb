"""Steps that recipes share."""

from lightning_compose.shapes.description import Group, Relation
from lightning_compose.shapes.recipes.draft import (
    Stated,
    describe,
    describe_group,
    replace_object,
    swap_fields,
    swap_roles,
)
from lightning_compose.shapes.scenes import Background, Object, Scene

SCENE = Scene(
    Background("meadow"),
    (Object("ring", "red", "striped", 0.2, 0.2, 0.2), Object("heart", "blue", "plain", 0.7, 0.7, 0.3)),
)


def test_replace_and_swap():
    assert replace_object(SCENE, 1, color="pink").objects[1].color == "pink"
    swapped = swap_fields(SCENE, 0, 1, "color", "x")
    assert [(item.color, item.x, item.y) for item in swapped.objects] == [("blue", 0.7, 0.2), ("red", 0.2, 0.7)]
    assert swap_fields(swapped, 0, 1, "color", "x") == SCENE


def test_describe_states_what_is_asked_for():
    assert describe(SCENE, Stated()).groups == (Group("ring", (0,)), Group("heart", (1,)))
    full = describe(SCENE, Stated(color=True, texture=True, plain=True, background=True))
    assert full.groups == (Group("ring", (0,), "red", "striped"), Group("heart", (1,), "blue", "plain"))
    assert full.background == "meadow"
    assert describe_group(SCENE, (1,), Stated(texture=True)).texture is None


def test_swap_roles():
    assert swap_roles(Relation("above", 0, 1)) == Relation("above", 1, 0)
