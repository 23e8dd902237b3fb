"""A language model behind an OpenAI-compatible server, as writer of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_compose.prepare.models.endpoint import Endpoint, as_endpoint
from lightning_compose.prepare.models.writer import Draft, Order, Writer
from lightning_compose.prepare.prompts.drafts import PromptDrafts
from lightning_compose.prepare.prompts.messages import writing_messages


class EndpointWriter(Writer):
    """Have a language model write prompts by templates and examples.

    Args:
        endpoint: The model's server, or the arguments of `Endpoint`, such as ``{model: gpt-4o, base_url: http://localhost:8000/v1}``.

    Raises:
        ValueError: When `Endpoint` refuses them.
    """

    def __init__(self, endpoint: Endpoint | Mapping[str, Any]) -> None:
        self._endpoint = as_endpoint(endpoint)
        self.name = self._endpoint.model

    @property
    def counts(self) -> Mapping[str, int]:  # type: ignore[override]  # grows with every call
        """What the server did so far, by kind."""
        return self._endpoint.counts

    def write(self, order: Order) -> list[Draft]:
        """Return what the model wrote, checked for its form alone."""
        answer = self._endpoint.parse(writing_messages(order), PromptDrafts, order.seed)
        return [Draft(_one_line(each.prompt), _one_line(each.negative_prompt)) for each in answer.drafts]


def _one_line(text: str) -> str:
    return " ".join(text.split())
