"""What a loss asks of the denoiser's inside."""

import pytest

from lightning_compose.needs import Needs


@pytest.mark.parametrize("field", ["attention", "features"])
@pytest.mark.parametrize("names", ["mid", ["mid"]])
def test_names_are_a_tuple(field, names):
    with pytest.raises(TypeError, match=rf"Expected `{field}` to be a tuple of names such as \('mid',\), got"):
        Needs(**{field: names})
