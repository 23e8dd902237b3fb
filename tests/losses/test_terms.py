"""The losses of a run, by name."""

import pytest
from torch import nn

from lightning_compose.losses import LossCallback
from lightning_compose.losses.terms import LossTerms
from lightning_compose.needs import Needs


class Reads(LossCallback):
    def __init__(self, name, needs=None, weight=1.0):
        super().__init__(weight)
        self.name = name
        self.needs = needs or Needs()


@pytest.fixture
def terms():
    return LossTerms(nn.ModuleDict())


def add(terms, *losses):
    for loss in losses:
        terms.add(loss, build=lambda: nn.Linear(1, 1))


def test_needs_are_those_of_the_losses_that_are_on(terms):
    token, pixel = Reads("token", Needs(attention=("mid",))), Reads("pixel", Needs(attention=("up", "mid")))
    contrastive = Reads("contrastive", Needs(features=("mid",), negatives=True), weight=0.0)
    add(terms, token, pixel, contrastive)
    assert terms.needs() == Needs(attention=("mid", "up"))
    assert list(terms.active()) == ["token", "pixel"]
    contrastive.weight, token.weight, pixel.weight = 1.0, 0.0, 0.0
    assert terms.needs() == Needs(features=("mid",), negatives=True)


def test_a_factor_of_zero_switches_a_loss_off(terms):
    token = Reads("token", Needs(attention=("mid",)), weight=2.0)
    add(terms, token)
    token.factor = 0.5
    assert token.effective_weight == 1.0
    token.factor = 0.0
    assert not terms.active()
    assert terms.idle_heads() == [terms.heads["token"]]


def test_heads_of_losses_that_are_off_or_gone_are_idle(terms):
    on, off, gone = Reads("on"), Reads("off", weight=0.0), Reads("gone")
    add(terms, on, off, gone)
    terms.remove(gone)
    assert terms.idle_heads() == [terms.heads["off"], terms.heads["gone"]]
    assert "gone" not in terms


def test_a_name_that_is_taken_reserved_or_dotted_is_refused(terms):
    add(terms, Reads("token"))
    for name in ("token", "loss", "denoise", "a.b"):
        with pytest.raises(ValueError, match="name of its own without a dot"):
            add(terms, Reads(name))
