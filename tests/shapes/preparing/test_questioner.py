"""Questions about captions of the world."""

from lightning_compose.shapes.preparing.questioner import ShapesQuestioner


def test_captions_are_asked_about_and_others_are_not():
    found, none = ShapesQuestioner().ask(["Two rings above a red heart", "A dog"])
    assert [(each.kind, each.arguments, each.answer) for each in found] == [
        ("entity", ("ring",), "yes"),
        ("entity", ("heart",), "yes"),
        ("count", ("ring",), "2"),
        ("attribute", ("heart", "color", "red"), "yes"),
        ("relation", ("ring", "above", "heart"), "yes"),
    ]
    assert none == ()
