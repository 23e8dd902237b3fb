"""A language model behind an OpenAI-compatible server, that takes prompts apart into questions."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.questions import Decomposition, question_messages
from lightning_compose.prepare.models.endpoint import MALFORMED, EndpointError
from lightning_compose.prepare.models.endpoint_model import EndpointModel
from lightning_compose.prepare.models.questioner import Questioner


class EndpointQuestioner(EndpointModel, Questioner):
    """Have a language model ask, by rules and examples; what breaks the rules is asked for again.

    See `EndpointModel`.
    """

    def ask(self, prompts: Sequence[str]) -> list[tuple[Question, ...]]:
        """Return the questions of each prompt; none where the model broke the rules to the last."""
        return [self._ask(each) for each in prompts]

    def _ask(self, prompt: str) -> tuple[Question, ...]:
        try:
            return self._endpoint.parse(question_messages(prompt), Decomposition, self._seed).to_questions()
        except EndpointError as error:
            # One prompt that a model cannot take apart must not end the run; a server that is gone must.
            if error.kind == MALFORMED:
                return ()
            raise
