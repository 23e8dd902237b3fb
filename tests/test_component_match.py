"""A checkpoint of another model is told by its first difference."""

import pytest

from lightning_compose.backbones import StableDiffusion3
from lightning_compose.component_match import require_same_components
from lightning_compose.module import ComposeModule

SAVED = {"vae": {"_name_or_path": "a", "width": 4}, "unet": {"blocks": [8, 16], "old": 1, "dtype": "float32"}}


def test_origin_and_keys_of_another_version_do_not_matter():
    present = {"vae": {"_name_or_path": "b", "width": 4}, "unet": {"blocks": [8, 16], "new": 2, "dtype": "bfloat16"}}
    require_same_components(SAVED, present)


@pytest.mark.parametrize(
    ("present", "message"),
    [
        (SAVED | {"unet": {"blocks": [8, 32]}}, r"`unet.blocks` to be \[8, 16\] as in the checkpoint, got \[8, 32\]"),
        (SAVED | {"vae": {"width": 8}}, "`vae.width` to be 4"),
        ({"unet": SAVED["unet"]}, r"a model of \['unet', 'vae'\] as in the checkpoint, got one of \['unet'\]"),
    ],
)
def test_the_first_difference_is_named(present, message):
    with pytest.raises(ValueError, match=message):
        require_same_components(SAVED, present)


@pytest.fixture(scope="module")
def trained_on_short_captions(tiny_sd3_pipeline):
    """What a checkpoint keeps of a model of Stable Diffusion 3."""
    module = ComposeModule(StableDiffusion3(str(tiny_sd3_pipeline), t5=False, t5_tokens=8))
    checkpoint = {"state_dict": module.state_dict()}
    module.on_save_checkpoint(checkpoint)
    return checkpoint


def test_captions_of_another_length_than_in_training_are_told(tiny_sd3_pipeline, trained_on_short_captions):
    module = ComposeModule(StableDiffusion3(str(tiny_sd3_pipeline), t5=False))
    with pytest.raises(ValueError, match=r"Expected `transformer\.t5_tokens` to be 8 as in the checkpoint, got 256"):
        module.on_load_checkpoint(trained_on_short_captions)
    # As written before the length was kept.
    trained_on_short_captions["component_configs"]["transformer"].pop("t5_tokens")
    module.on_load_checkpoint(trained_on_short_captions)
