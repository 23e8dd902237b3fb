"""Muon and AdamW in one: each equals torch's own, on its parameters, also resumed."""

import copy

import pytest
import torch
from torch import nn

from lightning_compose.seeding import generator
from lightning_compose.shapes.pretraining.muon import MuonAdamW, as_kernel, as_matrix, orthogonalise


def small_model() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.GroupNorm(2, 8), nn.Conv2d(8, 4, 1), nn.Flatten(), nn.Linear(144, 5)
        )


def backward(model: nn.Module) -> None:
    pixels = torch.linspace(-1, 1, 2 * 3 * 8 * 8).sin().view(2, 3, 8, 8)
    model(pixels).square().mean().backward()


def gradients(shape: tuple[int, ...], count: int) -> list[torch.Tensor]:
    return [torch.from_numpy(generator(0, "gradient", i).standard_normal(shape, "float32")) for i in range(count)]


def after_steps(optimizer_class, start: torch.Tensor, steps: list[torch.Tensor], **settings) -> torch.Tensor:
    parameter = nn.Parameter(start.clone())
    optimizer = optimizer_class([parameter], lr=0.01, **settings)
    for gradient in steps:
        parameter.grad = gradient.clone()
        optimizer.step()
    return parameter.detach()


@pytest.mark.parametrize("shape", [(6, 20), (20, 6)])
def test_a_matrix_moves_as_with_torchs_muon(shape):
    if not hasattr(torch.optim, "Muon"):
        pytest.skip("this torch has no Muon to compare with")
    start, *steps = gradients(shape, 5)
    ours = after_steps(MuonAdamW, start, steps, weight_decay=0.1)
    torchs = after_steps(torch.optim.Muon, start, steps, weight_decay=0.1, adjust_lr_fn="match_rms_adamw")
    torch.testing.assert_close(ours, torchs, rtol=0, atol=1e-6)
    assert not torch.allclose(ours, start, atol=1e-3)


@pytest.mark.parametrize(("shape", "settings"), [((7,), {}), ((6, 20), {"muon": False})])
def test_a_vector_and_a_table_move_as_with_torchs_adamw(shape, settings):
    start, *steps = gradients(shape, 5)
    ours = after_steps(MuonAdamW, start, steps, **settings)
    torchs = after_steps(torch.optim.AdamW, start, steps, betas=(0.9, 0.99), weight_decay=0.0)
    torch.testing.assert_close(ours, torchs)


def test_a_kernel_moves_as_its_matrix():
    start, *steps = gradients((8, 3, 3, 3), 3)
    ours = after_steps(MuonAdamW, start, steps)
    as_matrices = after_steps(MuonAdamW, as_matrix(start), [as_matrix(each) for each in steps])
    torch.testing.assert_close(ours, as_kernel(as_matrices, start), rtol=0, atol=1e-6)


def test_an_orthogonalised_matrix_is_nearly_orthogonal():
    (matrix,) = gradients((8, 30), 1)
    matrix[0] *= 10  # a condition number of about 30
    singular = torch.linalg.svdvals(orthogonalise(matrix))
    assert singular.max() / singular.min() < 2  # five iterations are this loose


def test_step_moves_every_parameter_that_has_a_gradient():
    model = small_model()
    before = copy.deepcopy(model.state_dict())
    backward(model)
    model[0].bias.grad = None
    MuonAdamW(model.parameters(), lr=0.01).step()
    still = [name for name, parameter in model.named_parameters() if torch.equal(parameter, before[name])]
    assert still == ["0.bias"]


def test_restored_state_continues_alike():
    first, second = small_model(), small_model()
    optimizer, resumed = MuonAdamW(first.parameters()), MuonAdamW(second.parameters())
    backward(first)
    optimizer.step()
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(copy.deepcopy(optimizer.state_dict()))
    for model, each in ((first, optimizer), (second, resumed)):
        model.zero_grad()
        backward(model)
        each.step()
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
