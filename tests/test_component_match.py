"""A checkpoint of another model is told by its first difference."""

import pytest

from lightning_compose.component_match import require_same_components

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
