"""The contract of a loss callback."""

import pytest
from lightning.pytorch.demos.boring_classes import BoringModel

from lightning_compose.losses import LossCallback


class HTTPTermOfMine(LossCallback):
    pass


def test_name_is_the_class_in_snake_case():
    assert LossCallback().name == "loss_callback"
    assert HTTPTermOfMine().name == "httpterm_of_mine"


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf")])
def test_weight_must_be_finite_and_not_negative_at_any_time(weight):
    with pytest.raises(ValueError, match="finite and at least 0, got"):
        LossCallback(weight=weight)
    loss = LossCallback(weight=2.0)
    with pytest.raises(ValueError, match="finite and at least 0, got"):
        loss.weight = weight
    assert loss.weight == 2.0


def test_a_term_without_compute_is_named():
    with pytest.raises(NotImplementedError, match="HTTPTermOfMine must implement"):
        HTTPTermOfMine().compute(None, None)


def test_a_constructor_that_forgot_its_parent_is_named():
    class Forgetful(LossCallback):
        def __init__(self):
            self.power = 2

    forgetful = Forgetful()
    forgetful.name = "from_the_config"
    with pytest.raises(TypeError, match=r"Expected `Forgetful.__init__` to call `super\(\).__init__\(weight\)`"):
        forgetful.setup(None, BoringModel(), "fit")


def test_only_a_compose_module_takes_losses():
    with pytest.raises(TypeError, match="Expected a ComposeModule to add a loss to, got BoringModel"):
        LossCallback().setup(None, BoringModel(), "fit")
