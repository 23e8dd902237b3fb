"""What the roles behind an OpenAI-compatible server share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from lightning_compose.prepare.models.endpoint import Endpoint, as_endpoint


class EndpointModel:
    """Holds a server; a subclass names its role beside this class and overrides the role's method.

    Args:
        endpoint: The model's server, or the arguments of `Endpoint`, such as ``{model: gpt-4o, base_url: http://localhost:8000/v1}``.
        seed: Of the model's answers.

    Raises:
        ValueError: When `Endpoint` refuses them.
    """

    counts: Mapping[str, int]
    """What the server did so far, by kind; grows with every call."""

    def __init__(self, endpoint: Endpoint | Mapping[str, Any], seed: int = 0) -> None:
        self._endpoint = as_endpoint(endpoint)
        self._seed = seed
        self.name = self._endpoint.model
        self.counts = self._endpoint.counts
