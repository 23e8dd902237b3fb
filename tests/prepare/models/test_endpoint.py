import pickle
from itertools import repeat

import pytest
from loopback_model import STALLS, LoopbackModel, fails, says
from pydantic import BaseModel

from lightning_compose.prepare.models import endpoint as endpoint_module
from lightning_compose.prepare.models.endpoint import Endpoint, EndpointError, as_endpoint

MESSAGES = [{"role": "user", "content": "A number?"}]


class Number(BaseModel):
    value: int


RIGHT = says({"value": 7})
GARBAGE = [
    (200, {"Content-Type": "text/html"}, b"<html>busy</html>"),
    (200, {}, b"not json"),
    (200, {}, b"{}"),
    (200, {}, b"[1]"),
    (200, {}, b'{"choices": []}'),
    (200, {}, b"\xff\xfe"),
    says("no"),
    says(None),
    says({"value": "many"}),
    says({"other": 1}),
    says('{"value": ', finish_reason="length"),
]


def ask(script, seed=3, **settings):
    with LoopbackModel(script) as server:
        endpoint = Endpoint("m", server.base_url, **{"backoff_s": 0.001, "timeout_s": 20.0, **settings})
        return endpoint.parse(MESSAGES, Number, seed).value, endpoint.counts, server.requests


def failure(script, **settings):
    with LoopbackModel(script) as server:
        endpoint = Endpoint("m", server.base_url, **{"backoff_s": 0.001, "timeout_s": 20.0, **settings})
        with pytest.raises(EndpointError) as caught:
            endpoint.parse(MESSAGES, Number, 3)
    return caught.value, endpoint.counts


def test_an_answer_of_the_schema_is_returned_and_its_tokens_counted():
    value, counts, (request,) = ask([RIGHT], temperature=0.5)
    assert value == 7
    assert counts == {"calls": 1, "prompt_tokens": 7, "completion_tokens": 3}
    assert (request["model"], request["seed"], request["temperature"]) == ("m", 3, 0.5)
    assert request["messages"] == MESSAGES
    assert request["response_format"]["json_schema"]["schema"]["properties"]["value"]["type"] == "integer"


def test_without_a_temperature_the_server_chooses():
    assert "temperature" not in ask([RIGHT])[2][0]


@pytest.mark.parametrize("garbage", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_asked_for_again_with_the_next_seed(garbage):
    value, counts, requests = ask([garbage, garbage, RIGHT])
    assert value == 7
    assert [request["seed"] for request in requests] == [3, 4, 5]
    assert (counts["malformed"], counts["retried"], counts["calls"]) == (2, 2, 3)


@pytest.mark.parametrize(("status", "kind"), [(429, "rate_limited"), (500, "server_error"), (503, "server_error")])
def test_a_passing_failure_is_asked_again_with_the_same_seed(status, kind):
    value, counts, requests = ask([fails(status), RIGHT])
    assert value == 7
    assert [request["seed"] for request in requests] == [3, 3]
    assert (counts[kind], counts["retried"]) == (1, 1)


def test_a_server_that_stalls_is_asked_again():
    value, counts, _ = ask([STALLS, RIGHT], timeout_s=1.0)
    assert value == 7
    assert (counts["timeout"], counts["retried"]) == (1, 1)


def test_a_server_that_is_away_is_a_counted_failure():
    with LoopbackModel() as server:
        url = server.base_url
    endpoint = Endpoint("m", url, retries=2, backoff_s=0.001)
    with pytest.raises(EndpointError, match="connection in the last of 3 attempts"):
        endpoint.parse(MESSAGES, Number, 0)
    assert (endpoint.counts["connection"], endpoint.counts["retried"]) == (3, 2)


def test_the_last_failure_says_what_came_and_that_nothing_is_lost():
    error, counts = failure(repeat(fails(500), 3), retries=2)
    assert "server_error in the last of 3 attempts" in str(error)
    assert "the same command goes on" in str(error)
    assert counts == {"calls": 3, "server_error": 3, "retried": 2}


def test_a_refused_request_is_not_tried_again():
    error, counts = failure([fails(401), RIGHT])
    assert counts == {"calls": 1, "refused": 1}
    assert "Check model, base_url and the key" in str(error)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(fails(401), "refused"), (fails(429), "rate_limited"), (fails(503), "server_error"), (says("no"), "malformed")],
)
def test_an_error_says_its_kind_and_keeps_it_on_its_way_between_processes(reply, kind):
    error, counts = failure([reply], retries=0)
    assert (error.kind, counts[kind]) == (kind, 1)
    sent = pickle.loads(pickle.dumps(error))
    assert (sent.kind, str(sent)) == (kind, str(error))


def test_waits_double_and_heed_what_the_server_asks_for(monkeypatch):
    waits = []
    monkeypatch.setattr(endpoint_module.time, "sleep", waits.append)
    ask([fails(500), fails(500), fails(429, retry_after="30"), fails(429, retry_after="3600"), RIGHT], backoff_s=1.0)
    first, second, asked, capped = waits
    assert 0.5 <= first <= 1.5
    assert 1.0 <= second <= 3.0
    assert (asked, capped) == (30.0, endpoint_module.LONGEST_WAIT_S)


def test_openai_needs_a_key_and_names_its_variable(monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)
    with pytest.raises(ValueError, match="environment variable MY_KEY"):
        Endpoint("m", api_key_env="MY_KEY")


def test_numbers_out_of_range_are_refused():
    with pytest.raises(ValueError, match="retries of at least 0"):
        Endpoint("m", "http://localhost/v1", retries=-1)


def test_a_config_holds_the_arguments():
    built = as_endpoint({"model": "m", "base_url": "http://localhost/v1"})
    assert built.model == "m"
    assert as_endpoint(built) is built
