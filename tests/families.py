"""Both families of models, as tiny folders and as the backbones that read them."""

import json
from pathlib import Path

import pytest

from lightning_compose.backbones import Backbone, StableDiffusion, StableDiffusion3

BACKBONES = {"StableDiffusionPipeline": StableDiffusion, "StableDiffusion3Pipeline": StableDiffusion3}
# Runs a test, or a module's, that uses the fixture `pipeline` once with each.
on_both_families = pytest.mark.parametrize(
    "pipeline", ["tiny_pipeline", "tiny_sd3_pipeline"], ids=["sd2", "sd3"], indirect=True
)


def backbone_class(folder: Path) -> type[Backbone]:
    index = json.loads((Path(folder) / "model_index.json").read_text())
    return BACKBONES[index["_class_name"]]


def load_backbone(folder: Path, **settings: object) -> Backbone:
    return backbone_class(folder)(pretrained=str(folder), **settings)
