"""The losses of a run, by name."""

import warnings
from types import SimpleNamespace

import pytest
import torch
from torch import nn

from lightning_compose.losses import LossCallback
from lightning_compose.losses.terms import LossTerms
from lightning_compose.needs import Needs

LOGGED = [
    "denoise",
    "loss",
    "lr",
    "grad_norm",
    "images_per_s",
    "stage",
    "unsupervised_nouns_per_sample",
    "bad_samples",
    "t_weighted",
]
NO_MODULES = ["", "a.b", "keys", "values", "training"]
STEP = SimpleNamespace(prediction=torch.ones(2, 4, 8, 8))


class Reads(LossCallback):
    def __init__(self, name, needs=None, weight=1.0):
        super().__init__(weight)
        self.name = name
        self.needs = needs or Needs()

    def compute(self, step, head):
        return head(step.prediction.mean().view(1)).squeeze()


class Returns(LossCallback):
    """Whatever it is told to."""

    def __init__(self, term, measured=()):
        super().__init__()
        self.term, self.measured = term, dict(measured)

    def compute(self, step, head):
        return self.term

    def measure(self, step, head):
        return self.measured


@pytest.fixture
def terms():
    return LossTerms(nn.ModuleDict())


def add(terms, *losses, head=lambda: nn.Linear(1, 1)):
    for loss in losses:
        terms.add(loss, build=head)


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
    assert terms.needs() == Needs()


def backward(terms, *computed):
    """Do a micro-batch that computes some of the terms."""
    with terms.micro_batch():
        loss = sum((terms.compute(name, STEP)[0] for name in computed), torch.zeros((), requires_grad=True))
    terms.with_heads(loss).backward()


def trained(terms):
    terms.stop_idle_heads()
    return {name for name, head in terms.heads.items() if head.weight.grad is not None}


def test_every_head_is_in_the_graph_and_those_without_a_term_stop(terms):
    on, off, gone, left_out = Reads("on"), Reads("off", weight=0.0), Reads("gone"), Reads("left_out")
    add(terms, on, off, gone, left_out)
    terms.remove(gone)
    assert "gone" not in terms
    with pytest.warns(UserWarning, match=r"got none of \['left_out'\].*super\(\)\.training_loss\(step\)"):
        backward(terms, "on")
    assert all(not head.weight.grad.any() for name, head in terms.heads.items() if name != "on")
    assert trained(terms) == {"on"}


def test_a_head_with_a_term_in_any_micro_batch_of_the_optimizer_step_is_trained(terms):
    loss = Reads("token")
    add(terms, loss)
    backward(terms, "token")
    loss.weight = 0.0
    backward(terms)
    assert trained(terms) == {"token"}
    terms.heads.zero_grad()
    backward(terms)
    assert trained(terms) == set(), "the next optimizer step counts anew"


def test_a_head_that_a_training_loss_used_by_itself_is_trained(terms):
    add(terms, Reads("token", weight=0.0))
    terms.with_heads(terms.heads["token"](torch.ones(1)).sum()).backward()
    assert trained(terms) == {"token"}


def test_losses_that_are_left_out_are_named_once(terms):
    add(terms, Reads("token"), Reads("pixel"), Reads("off", weight=0.0))
    with pytest.warns(UserWarning, match=r"got none of \['pixel', 'token'\]"):
        backward(terms)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        backward(terms)


@pytest.mark.parametrize("name", ["token", *LOGGED, *NO_MODULES])
def test_a_name_that_is_taken_or_stands_for_something_else_is_refused(terms, name):
    add(terms, Reads("token"))
    with pytest.raises(ValueError, match=r"Expected every loss to have a name of its own .* beside \['token'\]"):
        add(terms, Reads(name))


def test_a_head_stays_with_what_it_learned_unless_another_is_asked_for(terms):
    def again(loss, head):
        before = terms.heads["token"]
        terms.remove(terms["token"])
        add(terms, loss, head=head)
        return terms.head("token") is before

    class Other(Reads):
        pass

    add(terms, Reads("token"))
    assert again(Reads("token"), lambda: nn.Linear(1, 1))
    assert not again(Reads("token"), lambda: nn.Linear(1, 2)), "another shape"
    assert not again(Reads("token"), lambda: nn.Linear(1, 2, bias=False)), "other parameters"
    assert not again(Reads("token"), lambda: nn.Embedding(2, 1)), "another class"
    assert not again(Other("token"), lambda: nn.Embedding(2, 1)), "another loss"
    assert not again(Other("token"), lambda: None)
    assert "token" not in terms.heads


@pytest.mark.parametrize(
    ("term", "error", "came"),
    [
        (torch.ones(2), ValueError, r"one of shape \(2,\)"),
        (torch.ones(1), ValueError, r"one of shape \(1,\)"),
        (0.0, TypeError, r"float: 0\.0"),
        (None, TypeError, "NoneType: None"),
    ],
)
def test_a_term_is_a_scalar_tensor(terms, term, error, came):
    add(terms, Returns(term))
    with pytest.raises(error, match=rf"`compute` of the loss 'returns' to return a scalar tensor, got {came}"):
        terms.compute("returns", STEP)


def test_no_measure_takes_the_name_of_the_weighted_term(terms):
    add(terms, Returns(torch.ones(()), {"weighted": torch.ones(2)}))
    with pytest.raises(ValueError, match="Expected the loss 'returns' to measure nothing called 'weighted'"):
        terms.compute("returns", STEP)
