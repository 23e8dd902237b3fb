"""The module's checkpoints: what they hold, and to resume from them."""

from functools import partial

import pytest
import torch
from batches import batches
from families import load_backbone, on_both_families
from module_runs import Record, Scaled, compose_module, trainer
from torch import nn

from lightning_compose.losses import ContrastiveLoss
from lightning_compose.module import ComposeModule

pytestmark = on_both_families


@pytest.fixture
def make_module(pipeline):
    return partial(compose_module, pipeline)


def saved(make_module, folder, *callbacks):
    fit = trainer(folder, *callbacks, steps=2)
    module = make_module(caption_dropout=0.25)
    fit.fit(module, batches(2))
    fit.save_checkpoint(folder / "last.ckpt", weights_only=False)
    return module, folder / "last.ckpt"


def test_checkpoint_holds_plain_settings_and_trained_weights_only(make_module, tmp_path):
    module, path = saved(make_module, tmp_path, Scaled())
    denoiser, checkpoint = module.backbone.trained_name, torch.load(path, weights_only=True)
    assert {key.split(".")[0] for key in checkpoint["state_dict"]} == {"backbone", "heads"}
    assert {key.split(".")[1] for key in checkpoint["state_dict"] if key.startswith("backbone")} == {denoiser}
    assert checkpoint["hyper_parameters"]["caption_dropout"] == 0.25
    assert "backbone" not in checkpoint["hyper_parameters"]
    assert checkpoint["component_configs"][denoiser]["sample_size"] == 8


def test_load_for_inference_without_the_losses(make_module, pipeline, tmp_path):
    module, path = saved(make_module, tmp_path, Scaled())
    loaded = ComposeModule.load_from_checkpoint(path, backbone=load_backbone(pipeline), weights_only=True)
    assert loaded.caption_dropout == 0.25
    for name, value in loaded.backbone.state_dict().items():
        assert torch.equal(value, module.backbone.state_dict()[name]), name


def test_resume_needs_the_same_losses(make_module, tmp_path):
    module, path = saved(make_module, tmp_path, Scaled())
    with pytest.raises(ValueError, match=r"\['scaled'\] as in the checkpoint, got \[\]"):
        trainer(tmp_path, steps=3).fit(make_module(), batches(3), ckpt_path=path)
    resumed = make_module()
    trainer(tmp_path, Scaled(), steps=2).fit(resumed, batches(2), ckpt_path=path)
    assert torch.equal(resumed.heads["scaled"].weight, module.heads["scaled"].weight)


def test_resume_needs_the_same_seed(make_module, tmp_path):
    _, path = saved(make_module, tmp_path)
    with pytest.raises(ValueError, match="Expected the module's `seed` to stay 0, as in the checkpoint, got 7"):
        trainer(tmp_path, steps=3).fit(make_module(seed=7), batches(3), ckpt_path=path)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"hidden_width": 3}, r"`hidden\.bias` .* to be a tensor of shape \(16,\) .*, got a tensor of shape \(3,\)"),
        ({"learned_temperature": True}, r"`log_temperature` .* to be absent .*, got a tensor of shape \(\)"),
    ],
)
@pytest.mark.parametrize("command", ["fit", "test"])
def test_a_head_of_another_shape_than_in_the_checkpoint_is_named(make_module, tmp_path, changed, told, command):
    _, path = saved(make_module, tmp_path, ContrastiveLoss())
    again = trainer(tmp_path, ContrastiveLoss(**changed), steps=3)
    with pytest.raises(ValueError, match=rf"Expected {told}.* Set this loss's settings back") as caught:
        getattr(again, command)(make_module(), batches(3), ckpt_path=path)
    assert "'contrastive_loss'" in str(caught.value)


def test_a_loss_with_nothing_to_train_may_have_a_head(make_module, tmp_path):
    class Empty(Scaled):
        def build(self, module):
            return nn.Identity()

    _, path = saved(make_module, tmp_path, Empty())
    trainer(tmp_path, Empty(), steps=3).fit(make_module(), batches(3), ckpt_path=path)


def test_on_resume_the_settings_of_now_win_and_the_schedule_goes_on(make_module, tmp_path):
    def fit(rate, warmup_steps, record, **resume):
        module = make_module(optimizer=lambda params: torch.optim.AdamW(params, lr=rate), warmup_steps=warmup_steps)
        run = trainer(tmp_path, record, steps=2 if not resume else 4)
        run.fit(module, batches(4), **resume)
        return run

    first, same, changed = Record(), Record(), Record()
    fit(1e-2, 8, first).save_checkpoint(tmp_path / "last.ckpt")
    fit(1e-2, 8, same, ckpt_path=tmp_path / "last.ckpt")
    fit(3e-2, 0, changed, ckpt_path=tmp_path / "last.ckpt")
    assert [each["train/lr"] for each in first.logged + same.logged] == pytest.approx([0, 0.00125, 0.0025, 0.00375])
    assert [each["train/lr"] for each in changed.logged] == pytest.approx([0.03, 0.03])
