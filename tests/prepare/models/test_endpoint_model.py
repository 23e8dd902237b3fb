"""What the roles behind a server share."""

import pytest
from scripted_endpoint import ScriptedEndpoint

from lightning_compose.prepare.model_settings import ModelSettings, require_role
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.prepare.models.endpoint_answerer import EndpointAnswerer
from lightning_compose.prepare.models.endpoint_captioner import EndpointCaptioner
from lightning_compose.prepare.models.endpoint_questioner import EndpointQuestioner
from lightning_compose.prepare.models.endpoint_writer import EndpointWriter
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.models.writer import Writer

ROLES = {
    EndpointAnswerer: Answerer,
    EndpointCaptioner: Captioner,
    EndpointQuestioner: Questioner,
    EndpointWriter: Writer,
}


@pytest.mark.parametrize("kind", ROLES)
def test_a_model_has_the_name_and_the_counts_of_its_server(kind):
    endpoint = ScriptedEndpoint()
    model = kind(endpoint)
    endpoint.counts["calls"] = 2
    assert (model.name, model.counts) == ("scripted", {"calls": 2})


@pytest.mark.parametrize(("kind", "role"), ROLES.items())
def test_a_config_builds_it(kind, role):
    named = ModelSettings(f"{kind.__module__}.{kind.__name__}", {"endpoint": {"model": "m"}})
    assert require_role(named, role) is kind


def test_an_order_has_its_own_seed():
    with pytest.raises(ValueError, match=r"init_args.*It takes \['endpoint'\]"):
        require_role(ModelSettings(f"{EndpointWriter.__module__}.EndpointWriter", {"endpoint": {}, "seed": 1}), Writer)
