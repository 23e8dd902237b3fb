import pytest

from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.prompts.settings import PromptsSettings

SHAPES = ModelSettings("lightning_compose.shapes.preparing.writer.ShapesWriter")


def test_cells_are_those_wanted_in_the_order_of_the_stages():
    settings = PromptsSettings(SHAPES, {"complex": {"complex": 1}, "single": {"shape": 3, "color": 2, "scene": 0}})
    assert list(settings.cells.items()) == [
        (("single", "color"), 2),
        (("single", "shape"), 3),
        (("complex", "complex"), 1),
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"counts": {"simple": {"color": 1}}}, r"stages .* got \['simple'\]"),
        ({"counts": {"single": {"colour": 1}}}, r"categories of stage single .* got \['colour'\]"),
        ({"counts": {"single": {"color": -1}}}, r"counts.single.color"),
        ({"counts": {"single": {"color": 0}}}, "at least one prompt"),
        ({"near_duplicate": 0.0}, "near_duplicate"),
        ({"per_order": 0}, "per_order"),
        ({"parallel": 0}, "parallel"),
        ({"writer": ModelSettings("lightning_compose.prepare.rows.PromptRow")}, r"writer\.Writer, got"),
    ],
)
def test_what_makes_no_sense_is_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        PromptsSettings(**{"writer": SHAPES, **wrong})
