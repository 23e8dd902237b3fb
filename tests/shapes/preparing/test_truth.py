"""The truth about images of the embedded world."""

from PIL import Image

from lightning_compose.shapes.preparing.questioner import ShapesQuestioner
from lightning_compose.shapes.preparing.truth import OracleTruth
from lightning_compose.shapes.render import render
from lightning_compose.shapes.scenes import Background, Object, Scene


def ring(color):
    return Image.fromarray(render(Scene(Background("meadow"), (Object("ring", color, "plain", 0.5, 0.5, 0.5),))))


def test_an_image_shows_its_caption_or_does_not():
    (questions,) = ShapesQuestioner().ask(["A red ring"])
    assert OracleTruth().shows([ring("red"), ring("blue")], [questions, questions]) == [True, False]
