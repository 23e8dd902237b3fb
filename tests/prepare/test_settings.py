"""A config of `prepare`: refused by its key when something is wrong, before anything runs."""

import pytest
from made_prompts import PAINTER

from lightning_compose.prepare.decoding import keys
from lightning_compose.prepare.settings import Settings, read_settings


def painter(**changes):
    return {"candidates": {"painter": {**PAINTER, **changes}}}


def test_defaults_and_sections():
    settings = read_settings(painter(init_args={"refuses": "x"}) | {"engine": {"gpus_per_worker": 1}})
    assert settings.candidates.painter.init_args == {"refuses": "x"}
    assert settings.engine.gpus_per_worker == 1
    assert settings.verify is None


def test_keys_reach_every_section():
    assert {"seed", "engine.workers", "candidates.painter.class_path", "pack.samples_per_shard"} <= set(keys(Settings))


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"engine": {"wrkers": 1}}, "in `engine.wrkers`: Expected a known key. Did you mean 'engine.workers'"),
        ({"engine": {"workers": 0}}, "in `engine`: Expected `workers` to be at least 1, got 0"),
        ({"engine": {"workers": "two"}}, "in `engine.workers`: Expected a valid integer, got 'two'"),
        ({"engine": {"cpus_per_worker": -1}}, "Expected `cpus_per_worker` to be at least 0, got -1"),
        ({"candidates": {}}, "in `candidates.painter`: Expected a value, got none"),
        (painter(class_path="nowhere.Painter"), "that can be imported, such as package.module.Class, got 'nowhere.Pai"),
        (painter(class_path="Painter"), "Expected `class_path` to name a module and a class"),
        (
            painter(class_path="json.JSONDecoder"),
            "Expected a subclass of lightning_compose.prepare.models.painter.Paint",
        ),
        (painter(class_path="json.dumps"), "to be a class, got a function"),
        (painter(init_args={"refuse": "x"}), "Did you mean 'refuses'"),
    ],
)
def test_refuses(config, message):
    with pytest.raises(ValueError, match=f"Expected a config of prepare, .*{message}"):
        read_settings(config)
