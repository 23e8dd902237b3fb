"""Attention maps: fixed images and draws, and no trace in the training."""

import numpy as np
import pytest
import torch
from batches import NOUNS, batches, pair_batch
from lightning.pytorch.loggers import CSVLogger
from torch.utils.data import DataLoader, get_worker_info

from lightning_compose.backbones import StableDiffusion
from lightning_compose.callbacks.attention_maps import (
    SEARCHED_BATCHES,
    AttentionMaps,
    attention_rows,
    first_supervised,
    validation_batches,
)
from lightning_compose.callbacks.attention_picture import CELL_PX, GAP_PX
from lightning_compose.functional import in_mask_share
from lightning_compose.losses import TokenLoss
from lightning_compose.module import ComposeModule
from lightning_compose.needs import Needs

DEFAULT = Needs(attention=("default",))


@pytest.fixture
def fit(make_trainer):
    """Train for two optimizer steps of two micro-batches, with validation data."""

    def run(module, callbacks, validation=None, **settings):
        trainer = make_trainer(max_steps=2, callbacks=callbacks, accumulate_grad_batches=2, **settings)
        trainer.fit(module, batches(4), batches(2) if validation is None else validation)
        return trainer

    return run


def without_nouns(index: list[int]):
    batch = pair_batch(index)
    batch.noun_supervised[:] = False
    return batch


class HereOnly(list):
    """Batches that no worker may read."""

    def __getitem__(self, number):
        assert get_worker_info() is None
        return super().__getitem__(number)


def loader(ready: list, **settings) -> DataLoader:
    return DataLoader(ready, batch_size=None, **settings)


def weights(module) -> torch.Tensor:
    return torch.cat([each.detach().flatten().clone() for each in module.backbone.unet.parameters()])


def test_pictures_do_not_change_the_training(fit, module, tmp_path):
    start = {name: value.clone() for name, value in module.state_dict().items()}
    random_state = torch.get_rng_state()
    fit(module, [TokenLoss(weight=1.0)])
    without, without_random_state = weights(module), torch.get_rng_state()
    module.load_state_dict(start)
    torch.set_rng_state(random_state)
    fit(module, [TokenLoss(weight=1.0), AttentionMaps(every_n_steps=1)])
    assert torch.equal(torch.get_rng_state(), without_random_state)
    assert torch.equal(weights(module), without)
    assert module.backbone.unet.training
    files = sorted(each.name for each in (tmp_path / "pictures").iterdir())
    assert files == ["attention-000001.png", "attention-000002.png"]


def test_only_the_model_changes_between_two_pictures(make_trainer, module, tmp_path, monkeypatch):
    trainer, maps, file = make_trainer(), AttentionMaps(), tmp_path / "pictures/attention-000000.png"
    monkeypatch.setattr(type(trainer), "val_dataloaders", batches(2))

    def drawn() -> bytes:
        maps.act(trainer, module)
        return file.read_bytes()

    module.train()
    first = drawn()
    assert drawn() == first
    with torch.no_grad():
        for parameter in module.backbone.unet.parameters():
            parameter.mul_(1.5)
    assert drawn() != first


@pytest.mark.parametrize(("losses", "precision"), [((), "32-true"), (("mid",), "bf16-mixed")])
def test_it_needs_no_loss_and_no_full_precision(fit, tiny_pipeline, tmp_path, losses, precision):
    module = ComposeModule(StableDiffusion(str(tiny_pipeline), gradient_checkpointing=True), caption_dropout=1.0)
    maps = AttentionMaps(images=3, every_n_steps=0, layers=("up",))
    fit(module, [maps, *(TokenLoss(layers=[layer]) for layer in losses)], precision=precision)
    (file,) = (tmp_path / "pictures").iterdir()
    assert file.name == "attention-000002.png"


class ImageLogger(CSVLogger):
    """Takes images as wandb's logger does."""

    def log_image(self, key, images, step) -> None:
        self.image = (key, images[0].width, step)


def test_it_goes_to_the_logger(fit, module, tmp_path):
    logger = ImageLogger(tmp_path)
    fit(module, [AttentionMaps(images=1)], logger=logger)
    assert logger.image == ("attention", 5 * (CELL_PX + GAP_PX) + GAP_PX, 2)


def test_the_noise_level_is_that_of_the_argument(fit, module):
    levels = []
    denoising_step = module.denoising_step

    def record(batch, stream="train", needs=None, noise_level=None):
        step = denoising_step(batch, stream, needs, noise_level)
        if stream == "attention":
            levels.append(step.timesteps.tolist())
        return step

    module.denoising_step = record
    fit(module, [AttentionMaps(images=2, noise_level=0.25)])
    assert levels
    assert all(level == 250 for step in levels for level in step)
    with pytest.raises(ValueError, match=r"Expected `noise_level` to be in \[0, 1\), got 1"):
        AttentionMaps(noise_level=1)


def test_a_row_holds_what_the_step_attended_to(module):
    batch = pair_batch([0, 1, 2])
    batch.noun_supervised[0] = False
    batch.noun_supervised[1, 0] = False
    step = module.denoising_step(batch, "attention", DEFAULT)
    one, two = attention_rows(step)
    assert [each.noun for each in one.nouns] == [NOUNS[1]]
    assert [each.noun for each in two.nouns] == list(NOUNS)
    assert two.timestep == step.timesteps[2]
    assert np.array_equal(two.pixels, batch.positive[2].permute(1, 2, 0))
    dog = two.nouns[1]
    assert np.array_equal(dog.mask, batch.noun_masks[2, 1])
    # Every pixel's attention to some of the tokens is a share of one.
    assert ((dog.attention > 0) & (dog.attention < 1)).all()
    mean = in_mask_share([each.tokens for each in step.attention.values()], step.noun_tokens, batch.noun_masks)[2]
    assert np.mean([each.in_mask_share for each in two.nouns]) == pytest.approx(mean.item())


def test_the_first_images_with_masks_are_taken_across_batches():
    ready = [without_nouns([0, 1]), pair_batch([2, 3]), pair_batch([4, 5]), pair_batch([6, 7])]
    found = first_supervised(iter(ready), 3)
    assert [each.indices for each in found] == [[2, 3], [4]]
    assert torch.equal(found[1].positive, ready[2].positive[:1])
    assert found[1].nouns == [NOUNS]


def test_the_search_ends():
    ready = iter([without_nouns([0])] * 2 * SEARCHED_BATCHES)
    assert first_supervised(ready, 1) == []
    assert len(list(ready)) == SEARCHED_BATCHES


def test_validation_is_read_without_its_workers_or_a_trace_in_the_random_state(make_trainer, module, monkeypatch):
    trainer = make_trainer()
    workers = loader(HereOnly([pair_batch([0]), pair_batch([1])]), num_workers=1, persistent_workers=True)
    monkeypatch.setattr(type(trainer), "val_dataloaders", [workers])
    assert [each.indices for each in validation_batches(trainer)] == [[0], [1]]
    random_state = torch.get_rng_state()
    AttentionMaps().act(trainer, module)
    assert torch.equal(torch.get_rng_state(), random_state)
    assert workers._iterator is None
    assert workers.num_workers == 1


@pytest.mark.parametrize("validation", [[], loader([without_nouns([0, 1])])])
def test_without_masks_there_is_one_message_and_no_picture(fit, module, tmp_path, validation):
    with pytest.warns(UserWarning, match="Expected validation images that have a noun with a mask") as record:
        fit(module, [AttentionMaps()], validation)
    assert len([each for each in record if "attention maps" in str(each.message)]) == 1
    assert not (tmp_path / "pictures").exists()


def test_none_are_drawn_on_request(fit, module, tmp_path):
    fit(module, [AttentionMaps(images=0, layers=["no_such_layer"])], [])
    assert not (tmp_path / "pictures").exists()


def test_other_ranks_read_and_draw_nothing(make_trainer, module, tmp_path, monkeypatch):
    trainer = make_trainer()
    monkeypatch.setattr(type(trainer), "is_global_zero", False)
    monkeypatch.setattr(type(trainer), "val_dataloaders", [None])
    AttentionMaps().act(trainer, module)
    assert not (tmp_path / "pictures").exists()


def test_a_backbone_without_cross_attention_has_none(fit, module, tmp_path, monkeypatch):
    monkeypatch.setattr(StableDiffusion, "attention_layers", {})
    fit(module, [AttentionMaps()])
    assert not (tmp_path / "pictures").exists()


def test_a_wrong_layer_is_refused_before_the_first_step(fit, module):
    with pytest.raises(ValueError, match="up_128"):
        fit(module, [AttentionMaps(layers=["up_128"])])


@pytest.mark.parametrize(("settings", "name"), [({"images": -1}, "images"), ({"layers": "mid"}, "layers")])
def test_wrong_arguments_are_refused(settings, name):
    with pytest.raises(ValueError, match=f"Expected `{name}`"):
        AttentionMaps(**settings)
