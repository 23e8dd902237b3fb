"""What `import lightning_compose` offers."""

import pytest

import lightning_compose


def test_every_public_name_is_there():
    assert set(lightning_compose.__all__) == set(lightning_compose._HOMES)
    for name in lightning_compose.__all__:
        assert getattr(lightning_compose, name).__name__ == name


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        _ = lightning_compose.Nothing
