import pytest
from loopback_model import LoopbackModel, says

from lightning_compose.prepare.models.endpoint import EndpointError
from lightning_compose.prepare.models.endpoint_writer import EndpointWriter
from lightning_compose.prepare.models.writer import Draft, Order

ORDER = Order("color", "single", 2, 11)
DRAFTS = {"drafts": [{"prompt": " A red\ncup. ", "negative_prompt": "A blue cup."}]}


def make(server, **endpoint):
    return EndpointWriter({"model": "m", "base_url": server.base_url, "backoff_s": 0.001, **endpoint})


def test_drafts_are_one_line_each():
    with LoopbackModel([says(DRAFTS)]) as server:
        writer = make(server)
        assert writer.write(ORDER) == [Draft("A red cup.", "A blue cup.")]
    assert writer.name == "m"
    (request,) = server.requests
    assert request["seed"] == 11
    assert "Write 2 prompts" in request["messages"][-1]["content"]


@pytest.mark.parametrize("malformed", [{"drafts": []}, {"drafts": [{"prompt": "A red cup."}]}, {}, "A red cup."])
def test_malformed_answers_are_retried_and_counted(malformed):
    with LoopbackModel([says(malformed), says(DRAFTS)]) as server:
        writer = make(server)
        assert len(writer.write(ORDER)) == 1
    assert (writer.counts["malformed"], writer.counts["retried"]) == (1, 1)


def test_the_endpoint_gives_up_at_last():
    with LoopbackModel(otherwise=lambda request: says("no")) as server, pytest.raises(EndpointError, match="malformed"):
        make(server, retries=1).write(ORDER)
