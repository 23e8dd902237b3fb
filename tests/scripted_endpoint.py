"""An endpoint that has its answers ready, checked by the schema as a real one's are."""

from pydantic import ValidationError

from lightning_compose.prepare.models.endpoint import CONNECTION_LOST, MALFORMED, Endpoint, EndpointError


class ScriptedEndpoint(Endpoint):
    """Gives answers in turn; an exception among them is the cause of an `EndpointError`."""

    def __init__(self, *answers):
        self.model = "scripted"
        self.counts = {}
        self.calls = []
        self._answers = list(answers)

    def parse(self, messages, schema, seed):
        self.calls.append((messages, seed))
        answer = self._answers.pop(0)
        try:
            if isinstance(answer, Exception):
                raise answer
            return schema.model_validate(answer)
        except (ValidationError, OSError) as error:
            kind = CONNECTION_LOST if isinstance(error, OSError) else MALFORMED
            raise EndpointError("no answer", kind) from error
