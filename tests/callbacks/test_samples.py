"""Sample grids: fixed prompts and seeds, and no trace in the training."""

import numpy as np
import pytest
import torch
from PIL import Image

from lightning_compose.callbacks.samples import SampleGrid


def grid(**settings) -> SampleGrid:
    return SampleGrid(["a red circle", "a dog"], num_inference_steps=2, **settings)


def weights(module) -> torch.Tensor:
    return torch.cat([each.detach().flatten().clone() for each in module.backbone.unet.parameters()])


def test_pictures_do_not_change_the_training(train, module, tmp_path):
    start = {name: value.clone() for name, value in module.state_dict().items()}
    random_state = torch.get_rng_state()
    train(3, [])
    without, without_random_state = weights(module), torch.get_rng_state()
    module.load_state_dict(start)
    torch.set_rng_state(random_state)
    train(3, [grid(every_n_steps=1)])
    assert torch.equal(torch.get_rng_state(), without_random_state)
    assert torch.equal(weights(module), without)
    assert module.backbone.unet.training
    assert len(list((tmp_path / "pictures").iterdir())) == 3


def test_only_the_model_changes_between_two_pictures(train, module, tmp_path):
    files = [tmp_path / f"pictures/samples-00000{step}.png" for step in (1, 2)]
    module.optimizer = lambda parameters: torch.optim.SGD(parameters, lr=0.0)
    train(2, [grid(every_n_steps=1)])
    frozen = [np.asarray(Image.open(file)) for file in files]
    assert np.array_equal(*frozen)
    module.optimizer = lambda parameters: torch.optim.SGD(parameters, lr=1.0)
    train(2, [grid(every_n_steps=1)])
    assert not np.array_equal(np.asarray(Image.open(files[0])), np.asarray(Image.open(files[1])))


@pytest.mark.parametrize("rank_zero", [True, False])
def test_only_the_first_rank_draws(make_trainer, module, tmp_path, monkeypatch, rank_zero):
    trainer = make_trainer()
    monkeypatch.setattr(type(trainer), "is_global_zero", rank_zero)
    grid().act(trainer, module)
    assert (tmp_path / "pictures").exists() == rank_zero


def test_no_prompts_no_pictures(train, tmp_path):
    train(1, [SampleGrid()])
    assert not (tmp_path / "pictures").exists()
