"""The contract of a loss callback."""

import pytest
from lightning.pytorch.demos.boring_classes import BoringModel

from lightning_compose.losses import LossCallback


class HTTPTermOfMine(LossCallback):
    pass


def test_name_is_the_class_in_snake_case():
    assert LossCallback().name == "loss_callback"
    assert HTTPTermOfMine().name == "httpterm_of_mine"


@pytest.mark.parametrize("weight", [-1.0, float("nan")])
def test_weight_must_not_be_negative(weight):
    with pytest.raises(ValueError, match="at least 0"):
        LossCallback(weight=weight)


def test_a_term_without_compute_is_named():
    with pytest.raises(NotImplementedError, match="HTTPTermOfMine must implement"):
        HTTPTermOfMine().compute(None, None)


def test_only_a_compose_module_takes_losses():
    with pytest.raises(TypeError, match="Expected a ComposeModule to add a loss to, got BoringModel"):
        LossCallback().setup(None, BoringModel(), "fit")
