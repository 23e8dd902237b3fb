"""Corrections by a vision-language model behind a server."""

import pytest
from PIL import Image
from scripted_endpoint import ScriptedEndpoint

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.endpoint import EndpointError
from lightning_compose.prepare.models.endpoint_captioner import EndpointCaptioner

WRONG = [Question(1, "Is the ring red?", "yes", "attribute", ("ring", "red"), (0,))]
IMAGE = Image.new("RGB", (2, 2))


def test_the_model_hears_the_caption_and_what_is_wrong():
    endpoint = ScriptedEndpoint({"caption": " A blue ring. "})
    assert EndpointCaptioner(endpoint).correct([IMAGE], ["A red ring."], [WRONG]) == ["A blue ring."]
    ((messages, _),) = endpoint.calls
    text = messages[-1]["content"][1]["text"]
    assert "Caption: A red ring." in text
    assert "- Is the ring red? It says: yes." in text


@pytest.mark.parametrize("caption", ["", "  "])
def test_no_caption_is_none(caption):
    with pytest.raises(EndpointError):
        EndpointCaptioner(ScriptedEndpoint({"caption": caption})).correct([IMAGE], ["A red ring."], [WRONG])
