"""Muon on kernels: the update reaches the model, is orthogonal, and its state comes back."""

import copy

import pytest
import torch
from torch import nn

from lightning_compose.seeding import generator
from lightning_compose.shapes.pretraining.muon import ConvolutionMuon, as_matrix


def small_model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 4, 1))
    return model.to(memory_format=torch.channels_last)


def backward(model: nn.Module) -> None:
    pixels = torch.linspace(-1, 1, 2 * 3 * 8 * 8).sin().view(2, 3, 8, 8)
    model(pixels).square().mean().backward()


def test_matrices_are_views_of_the_kernels():
    for kernel in (each for each in small_model().parameters() if each.ndim == 4):
        assert as_matrix(kernel).data_ptr() == kernel.data_ptr()


def test_step_moves_every_parameter_and_clears_gradients():
    model = small_model()
    before = copy.deepcopy(model.state_dict())
    backward(model)
    ConvolutionMuon(model).step(0.01)
    for name, parameter in model.named_parameters():
        assert not torch.equal(parameter, before[name]), name
        assert parameter.grad is None


def test_update_of_a_kernel_is_nearly_orthogonal():
    model = small_model()
    kernel = model[0].weight
    before = kernel.detach().clone()
    backward(model)
    # A condition number of about 30; the model's own gradient has hardly any rank.
    kernel.grad = torch.from_numpy(generator(0, "gradient").standard_normal(kernel.shape, "float32"))
    kernel.grad[0] *= 10
    ConvolutionMuon(model, weight_decay=0.0).step(0.01)
    singular = torch.linalg.svdvals(as_matrix(kernel.detach() - before))
    assert singular.max() / singular.min() < 2  # five steps of Newton-Schulz are this loose


def test_restored_state_continues_alike():
    first, second = small_model(), small_model()
    optimizer, resumed = ConvolutionMuon(first), ConvolutionMuon(second)
    backward(first)
    optimizer.step(0.01)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for model, each in ((first, optimizer), (second, resumed)):
        backward(model)
        each.step(0.01)
    assert torch.equal(first[0].weight, second[0].weight)


def test_missing_gradient_is_an_error():
    with pytest.raises(RuntimeError, match="Call backward"):
        ConvolutionMuon(small_model()).step(0.01)
