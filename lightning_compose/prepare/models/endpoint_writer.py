"""A language model behind an OpenAI-compatible server, as writer of prompts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_compose.prepare.models.endpoint import Endpoint
from lightning_compose.prepare.models.endpoint_model import EndpointModel
from lightning_compose.prepare.models.writer import Draft, Order, Writer
from lightning_compose.prepare.prompts.drafts import PromptDrafts
from lightning_compose.prepare.prompts.messages import writing_messages


class EndpointWriter(EndpointModel, Writer):
    """Have a language model write prompts by templates and examples; each order has its own seed.

    Args:
        endpoint: See `EndpointModel`.
    """

    def __init__(self, endpoint: Endpoint | Mapping[str, Any]) -> None:
        super().__init__(endpoint)

    def write(self, order: Order) -> list[Draft]:
        """Return what the model wrote, checked for its form alone."""
        answer = self._endpoint.parse(writing_messages(order), PromptDrafts, order.seed)
        return [Draft(_one_line(each.prompt), _one_line(each.negative_prompt)) for each in answer.drafts]


def _one_line(text: str) -> str:
    return " ".join(text.split())
