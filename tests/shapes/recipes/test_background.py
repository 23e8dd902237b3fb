"""Scene: the objects stay, the background goes, both captions name theirs."""

from lightning_compose.seeding import generator
from lightning_compose.shapes.recipes.background import draft_background


def test_background_changes_and_is_stated():
    for index in range(40):
        draft = draft_background(generator(0, "scene", index), "train", 2)
        assert draft.positive.objects == draft.negative.objects
        assert draft.description.background == draft.positive.background.kind
        assert draft.negative_description.background == draft.negative.background.kind
        assert draft.description.background != draft.negative_description.background
