"""Questions by a language model behind a server."""

import pytest
from scripted_endpoint import ScriptedEndpoint

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.endpoint import EndpointError
from lightning_compose.prepare.models.endpoint_questioner import EndpointQuestioner

GOOD = {
    "questions": [
        {"id": 0, "kind": "entity", "arguments": ["ring"], "question": "A ring?", "answer": "yes", "depends_on": []}
    ]
}


def test_each_prompt_is_asked_about():
    endpoint = ScriptedEndpoint(GOOD, GOOD)
    questioner = EndpointQuestioner(endpoint, seed=4)
    assert questioner.ask(["a ring", "one ring"]) == [(Question(0, "A ring?", "yes", "entity", ("ring",)),)] * 2
    assert [(messages[-1]["content"], seed) for messages, seed in endpoint.calls] == [("a ring", 4), ("one ring", 4)]
    assert questioner.name == "scripted"


def test_a_prompt_that_stays_malformed_does_not_end_the_run():
    questioner = EndpointQuestioner(ScriptedEndpoint({"questions": []}, GOOD))
    assert [len(each) for each in questioner.ask(["nonsense", "a ring"])] == [0, 1]


def test_a_server_that_is_gone_does():
    with pytest.raises(EndpointError):
        EndpointQuestioner(ScriptedEndpoint(ConnectionError())).ask(["a ring"])
