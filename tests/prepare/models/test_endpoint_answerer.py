"""Answers by a vision-language model behind a server."""

from base64 import b64decode
from io import BytesIO

import pytest
from PIL import Image
from scripted_endpoint import ScriptedEndpoint

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.endpoint import EndpointError
from lightning_compose.prepare.models.endpoint_answerer import EndpointAnswerer

QUESTIONS = (
    Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
    Question(5, "How many?", "2", "count", ("ring",)),
)
IMAGES = [Image.new("RGB", (3, 2), color) for color in ("red", "blue")]


def test_an_image_is_one_call_with_all_its_questions():
    endpoint = ScriptedEndpoint({"answers": ["yes", "2"]}, {"answers": ["no"]})
    answers = EndpointAnswerer(endpoint, seed=2).answer(IMAGES, [QUESTIONS, QUESTIONS[:1]], ["a", "b"])
    assert answers == [("yes", "2"), ("no",)]
    (messages, seed), _ = endpoint.calls
    picture, text = messages[-1]["content"]
    assert text["text"] == "1. Is there a ring?\n2. How many?"
    assert seed == 2
    sent = Image.open(BytesIO(b64decode(picture["image_url"]["url"].removeprefix("data:image/png;base64,"))))
    assert (sent.size, sent.getpixel((0, 0))) == ((3, 2), (255, 0, 0))


@pytest.mark.parametrize("answers", [["yes"], ["yes", "2", "no"]])
def test_as_many_answers_as_questions(answers):
    with pytest.raises(EndpointError):
        EndpointAnswerer(ScriptedEndpoint({"answers": answers})).answer(IMAGES[:1], [QUESTIONS], ["a"])
