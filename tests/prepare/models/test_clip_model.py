"""What the roles of a CLIP share."""

from pathlib import Path

import pytest
from tiny_clip import save_tiny_clip

from lightning_compose.prepare.models.clip_embedder import ClipEmbedder
from lightning_compose.prepare.models.clip_scorer import ClipScorer

KINDS = (ClipEmbedder, ClipScorer)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny_clip(tmp_path_factory.mktemp("weights") / "clip"))


@pytest.mark.parametrize("kind", KINDS)
def test_its_name_is_that_of_the_weights_or_one_of_its_own(kind, folder):
    assert kind(folder).name == Path(folder).name
    assert kind(folder, name="clip").name == "clip"


@pytest.mark.parametrize("kind", KINDS)
def test_a_batch_has_an_image(kind, folder):
    with pytest.raises(ValueError, match="`batch_size` to be at least 1"):
        kind(folder, batch_size=0)
