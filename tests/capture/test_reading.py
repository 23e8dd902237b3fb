"""Attention that gradient checkpointing computes again in the backward is read as it was in its own forward."""

import copy
import gc
import pickle
import weakref

import pytest
import torch
from attention_layers import Layers, draw_columns, inputs
from diffusers.models.attention_processor import AttnProcessor

from lightning_compose.capture import cross
from lightning_compose.capture.cross import attention_with_columns


def loss_of(output, maps):
    return output.square().mean() + sum((each + 0.1).log().mean() for each in maps.values())


def in_order(first, second):
    first.backward()
    second.backward()


ORDERS = {
    "first, second": in_order,
    "second, first": lambda first, second: in_order(second, first),
    "at once": lambda first, second: (first + second).backward(),
}


def gradients_of_two_forwards(backward, checkpointing):
    """Parameter gradients after forwards that read other columns of other layers, and one that reads nothing."""
    model = Layers(count=3, checkpointing=checkpointing)
    columns = draw_columns(8)
    first = loss_of(*model.read(columns, 0, 1))
    second = loss_of(*model.read(columns.flip(1), 1, 2))
    model(*inputs(batch=3))
    backward(first, second)
    return [parameter.grad for parameter in model.parameters()]


@pytest.mark.parametrize("order", ORDERS)
def test_gradients_are_the_same_with_checkpointing_whatever_comes_before_the_backward(order):
    plain, checkpointed = (gradients_of_two_forwards(ORDERS[order], checkpointing) for checkpointing in (False, True))
    # Summed in another order.
    torch.testing.assert_close(checkpointed, plain, rtol=1e-5, atol=1e-7)


def test_gradients_of_one_forward_are_equal_to_the_bit_with_checkpointing():
    gradients = []
    for checkpointing in (False, True):
        model = Layers(checkpointing=checkpointing)
        loss_of(*model.read(draw_columns(8), 0, 1)).backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert all(torch.equal(plain, checkpointed) for plain, checkpointed in zip(*gradients, strict=True))


def test_a_processor_set_between_forward_and_backward_is_kept_and_does_not_spoil_the_gradient():
    gradients = []
    for mine in (None, AttnProcessor()):
        model = Layers(checkpointing=True)
        loss = loss_of(*model.read(draw_columns(8), 0))
        if mine:
            model.layers[0].set_processor(mine)
        loss.backward()
        gradients.append([parameter.grad for parameter in model.parameters()])
    assert model.layers[0].processor is mine
    assert all(torch.equal(one, other) for one, other in zip(*gradients, strict=True))


def test_maps_computed_again_in_the_backward_are_not_kept(monkeypatch):
    references = []

    def remembered(*arguments):
        output, maps = attention_with_columns(*arguments)
        references.append(weakref.ref(maps))
        return output, maps

    monkeypatch.setattr(cross, "attention_with_columns", remembered)
    model = Layers(count=4, checkpointing=True)
    output, maps = model.read(draw_columns(8), 0, 1, 2, 3)
    loss = output.square().mean() + sum(each.square().mean() for each in maps.values())
    loss.backward(retain_graph=True)
    gc.collect()
    assert len(references) == 8
    assert all(reference() is None for reference in references)


def test_a_graph_that_no_backward_frees_is_freed_with_its_results():
    model, in_graph = Layers(checkpointing=True), []
    model.register_forward_hook(lambda *_: in_graph.append(weakref.ref(model.layers[1].processor)))
    loss = loss_of(*model.read(draw_columns(8), 0, 1))
    assert in_graph[0]() is not None
    del loss
    gc.collect()
    assert in_graph[0]() is None


@pytest.mark.parametrize("duplicate", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_model_is_copied_before_and_after_a_backward(duplicate):
    model = Layers(checkpointing=True)
    loss = loss_of(*model.read(draw_columns(8), 0))
    copies = [duplicate(model)]
    loss.backward()
    copies.append(duplicate(model))
    for each in copies:
        torch.testing.assert_close(each.read(draw_columns(8), 1), Layers().read(draw_columns(8), 1))
