"""A model behind an OpenAI-compatible server: its answers are checked, its failures retried and counted."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from lightning_compose.seeding import generator

if TYPE_CHECKING:
    from openai import OpenAI
    from pydantic import BaseModel

    Answer = TypeVar("Answer", bound=BaseModel)

Message = Mapping[str, Any]

LONGEST_WAIT_S = 60.0
# What a server says when it is the moment that is wrong, not the request.
PASSING_STATUS = frozenset({408, 409, 425})
# Arguments of `Endpoint` that say how the model is reached, not what it answers.
CONNECTION = ("base_url", "api_key_env", "retries", "timeout_s", "backoff_s")
# Keys of `Endpoint.counts` beside the kinds of failure.
CALLS, RETRIED = "calls", "retried"
TIMEOUT, CONNECTION_LOST, RATE_LIMITED = "timeout", "connection", "rate_limited"
SERVER_ERROR, MALFORMED, REFUSED = "server_error", "malformed", "refused"


class EndpointError(RuntimeError):
    """A server that gave no usable answer, after all retries or for a reason that no retry mends.

    Args:
        message: What was expected, what came, what to do.
        kind: A key of `Endpoint.counts`: what went wrong the last time; ``refused`` is not tried again.
    """

    def __init__(self, message: str, kind: str = REFUSED) -> None:
        super().__init__(message)
        self.kind = kind


class Endpoint:
    """Ask a model behind an OpenAI-compatible server (OpenAI, vLLM, llama.cpp) for answers of a given form.

    `counts` tells what happened, by kind: calls, retried, timeout, connection, rate_limited, server_error, malformed,
    refused, prompt_tokens,
    completion_tokens. Threads may share an endpoint.

    Args:
        model: As the server calls it.
        base_url: Such as ``http://localhost:8000/v1``; None = OpenAI's.
        api_key_env: The environment variable that holds the key; with a `base_url` it may be unset.
        retries: Attempts after the first, of each call.
        timeout_s: Without a byte from the server.
        backoff_s: Mean wait before the first retry; it doubles with each, up to `LONGEST_WAIT_S`.
        temperature: None = the server's default.

    Raises:
        ValueError: When a number is out of its range, or there is no key for OpenAI.
    """

    def __init__(
        self,
        model: str,
        base_url: str | None = None,
        api_key_env: str = "OPENAI_API_KEY",
        retries: int = 5,
        timeout_s: float = 60.0,
        backoff_s: float = 1.0,
        temperature: float | None = None,
    ) -> None:
        if retries < 0 or timeout_s <= 0 or backoff_s < 0:
            raise ValueError(
                "Expected retries of at least 0, timeout_s above 0 and backoff_s of at least 0, got "
                f"{retries}, {timeout_s} and {backoff_s}."
            )
        self.model = model
        self.retries = retries
        self.backoff_s = backoff_s
        self.counts: Counter[str] = Counter()
        self._settings = {} if temperature is None else {"temperature": temperature}
        self._client = _connect(base_url, api_key_env, timeout_s)
        self._lock = Lock()

    def parse(self, messages: Sequence[Message], schema: type[Answer], seed: int) -> Answer:
        """Return the model's answer as a `schema`.

        Args:
            messages: As in the chat completions API.
            schema: What the answer must validate against; the server is told its JSON schema.
            seed: Of the answer; a malformed one is asked for again with the next seed, all else with the same.

        Raises:
            EndpointError: When the last retry failed too, or the server refuses the request.
        """
        failures: list[str] = []
        while True:
            self._count(**{CALLS: 1})
            try:
                return self._ask(messages, schema, seed + failures.count(MALFORMED))
            except Exception as error:
                failures.append(self._passing(error, len(failures)))
                wait_s = _wait_s(error, self.backoff_s, seed, len(failures) - 1)
            time.sleep(wait_s)

    def _ask(self, messages: Sequence[Message], schema: type[Answer], seed: int) -> Answer:
        completion = self._client.chat.completions.parse(
            model=self.model,
            messages=list(messages),  # type: ignore[arg-type]  # plain dicts, not OpenAI's typed ones
            response_format=schema,
            seed=seed,
            **self._settings,  # type: ignore[arg-type]
        )
        if completion.usage is not None:
            used = completion.usage
            self._count(prompt_tokens=used.prompt_tokens, completion_tokens=used.completion_tokens)
        message = completion.choices[0].message
        if message.parsed is None:
            raise ValueError(f"the model declined: {message.refusal or 'an empty message'}")
        return message.parsed

    def _passing(self, error: Exception, failed_before: int) -> str:
        """Count a failure and return its kind, or raise where it is not to be retried."""
        kind = _kind(error)
        self._count(**{kind: 1})
        if kind == REFUSED:
            raise EndpointError(self._refused(error), kind) from error
        if failed_before == self.retries:
            raise EndpointError(self._gave_up(kind, error), kind) from error
        self._count(**{RETRIED: 1})
        return kind

    def _count(self, **changes: int) -> None:
        with self._lock:
            self.counts.update(changes)

    def _refused(self, error: Exception) -> str:
        return (
            f"Expected {self._client.base_url} to take a request to model {self.model!r}, got {_one_line(error)}. "
            "Check model, base_url and the key."
        )

    def _gave_up(self, kind: str, error: Exception) -> str:
        return (
            f"Expected an answer of model {self.model!r} at {self._client.base_url}, got {kind} in the last of "
            f"{self.retries + 1} attempts: {_one_line(error)}. What is finished is kept: the same command goes on."
        )


def as_endpoint(endpoint: Endpoint | Mapping[str, Any]) -> Endpoint:
    """Return an endpoint as it is, or built from its arguments, as a config holds them."""
    return endpoint if isinstance(endpoint, Endpoint) else Endpoint(**endpoint)


def _connect(base_url: str | None, api_key_env: str, timeout_s: float) -> OpenAI:
    key = os.environ.get(api_key_env)
    if key is None and base_url is None:
        raise ValueError(
            f"Expected the environment variable {api_key_env} to hold the key for OpenAI's server, got none. "
            "Set it, or a base_url."
        )
    from openai import OpenAI

    # Retries are ours, so that they are counted.
    return OpenAI(api_key=key or "none", base_url=base_url, timeout=timeout_s, max_retries=0)


def _kind(error: Exception) -> str:
    """Say what went wrong, as a slug to count by; `REFUSED` = asking again would not help."""
    import openai

    # A timeout is a connection error, and the client lets its own surprise at a strange body through.
    strange = (ValueError, TypeError, AttributeError, IndexError, openai.APIResponseValidationError)
    match error:
        case openai.APITimeoutError():
            return TIMEOUT
        case openai.APIConnectionError():
            return CONNECTION_LOST
        case openai.RateLimitError():
            return RATE_LIMITED
        case openai.APIStatusError():
            return SERVER_ERROR if error.status_code >= 500 or error.status_code in PASSING_STATUS else REFUSED
        case openai.LengthFinishReasonError() | openai.ContentFilterFinishReasonError():
            return MALFORMED
    return MALFORMED if isinstance(error, strange) else REFUSED


def _wait_s(error: Exception, backoff_s: float, seed: int, attempt: int) -> float:
    # Jitter, so that the workers whom a server turned away together do not come back together.
    jitter = generator(seed, "endpoint/backoff", attempt).uniform(0.5, 1.5)
    return min(LONGEST_WAIT_S, max(_asked_wait_s(error), backoff_s * 2**attempt * jitter))


def _asked_wait_s(error: Exception) -> float:
    response = getattr(error, "response", None)
    try:
        return float(response.headers["retry-after"]) if response is not None else 0.0
    except (KeyError, ValueError):  # The header may also be a date, which no server of models sends.
        return 0.0


def _one_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
