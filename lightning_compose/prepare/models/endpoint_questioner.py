"""A language model behind an OpenAI-compatible server, that takes prompts apart into questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.questions import Decomposition, question_messages
from lightning_compose.prepare.models.endpoint import Endpoint, EndpointError, as_endpoint
from lightning_compose.prepare.models.questioner import Questioner


class EndpointQuestioner(Questioner):
    """Have a language model ask, by rules and examples; what breaks the rules is asked for again.

    Args:
        endpoint: The model's server, or its arguments.
        seed: Of the model's answers.
    """

    def __init__(self, endpoint: Endpoint | Mapping[str, Any], seed: int = 0) -> None:
        self._endpoint = as_endpoint(endpoint)
        self._seed = seed
        self.name = self._endpoint.model

    @property
    def counts(self) -> Mapping[str, int]:
        """What the server did so far, by kind."""
        return self._endpoint.counts

    def ask(self, prompts: Sequence[str]) -> list[tuple[Question, ...]]:
        """Return the questions of each prompt; none where the model broke the rules to the last."""
        return [self._ask(each) for each in prompts]

    def _ask(self, prompt: str) -> tuple[Question, ...]:
        try:
            return self._endpoint.parse(question_messages(prompt), Decomposition, self._seed).to_questions()
        except EndpointError as error:
            # One prompt that a model cannot take apart must not end the run; a server that is gone must.
            if isinstance(error.__cause__, ValueError):
                return ()
            raise
