"""The training step, its losses, its optimizer and its checkpoints."""

import pytest
import torch
from batches import batches, pair_batch
from lightning.pytorch import Callback, Trainer, seed_everything
from torch import nn

from lightning_compose.backbones import StableDiffusion
from lightning_compose.data.schema import Noun
from lightning_compose.losses import LossCallback
from lightning_compose.module import ComposeModule


class Scaled(LossCallback):
    """The absolute error times a trained factor: a term with a head."""

    def build(self, module):
        return nn.Linear(1, 1)

    def compute(self, step, head):
        assert not torch.is_autocast_enabled("cpu")
        return head((step.prediction.float() - step.target.float()).abs().mean().view(1)).squeeze()


class Record(Callback):
    """Keep what was logged and the parameters after every step."""

    def __init__(self):
        self.logged, self.heads = [], []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.logged.append({key: float(value) for key, value in trainer.callback_metrics.items()})
        self.heads.append([each.detach().clone() for each in pl_module.heads.parameters()])


@pytest.fixture
def make_module(tiny_pipeline):
    def make(**arguments):
        arguments.setdefault("optimizer", lambda params: torch.optim.AdamW(params, lr=1e-2))
        return ComposeModule(StableDiffusion(pretrained=str(tiny_pipeline)), **arguments)

    return make


def trainer(folder, *callbacks, steps=3, **arguments):
    arguments.setdefault("gradient_clip_val", 1.0)
    return Trainer(
        default_root_dir=folder,
        max_steps=steps,
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=list(callbacks),
        **arguments,
    )


def test_step_predicts_the_noise_of_the_positives(make_module):
    module = make_module(caption_dropout=0.0)
    step = module.denoising_step(pair_batch([0, 1]))
    assert step.prediction.shape == step.target.shape == step.noisy.shape == (2, 4, 8, 8)
    assert torch.equal(step.target, step.noise)
    assert step.prediction.requires_grad
    assert not step.text.sequence.requires_grad
    assert step.tokens.nouns[:, :2].any(dim=2).all()
    assert module.training_loss(step).item() == pytest.approx((step.prediction - step.noise).square().mean().item())


def test_a_sample_is_noised_alike_in_any_batch(make_module):
    module = make_module()
    together, alone = module.denoising_step(pair_batch([4, 9])), module.denoising_step(pair_batch([9]))
    assert torch.equal(together.noise[1:], alone.noise)
    assert torch.equal(together.timesteps[1:], alone.timesteps)
    torch.testing.assert_close(together.noisy[1:], alone.noisy)
    assert not torch.equal(together.noise[0], together.noise[1])


def test_images_are_encoded_in_float32_under_mixed_precision(make_module):
    module = make_module()
    full = module.denoising_step(pair_batch([0]))
    with torch.autocast("cpu", torch.bfloat16):
        mixed = module.denoising_step(pair_batch([0]))
    assert torch.equal(mixed.noisy, full.noisy)
    assert mixed.prediction.dtype == torch.bfloat16, "the U-Net itself is in half precision"


def test_validation_draws_are_not_those_of_training(make_module):
    module = make_module()
    train, val = (module.denoising_step(pair_batch([3]), stream) for stream in ("train", "val"))
    assert not torch.equal(train.noise, val.noise)


def test_dropped_captions_are_empty_and_have_no_nouns(make_module):
    module = make_module(caption_dropout=1.0)
    step = module.denoising_step(pair_batch([0, 1]))
    empty = module.backbone.tokenize([""], [()], 1)
    assert torch.equal(step.tokens.ids, empty.ids.expand(2, -1))
    assert not step.tokens.nouns.any()
    assert module.denoising_step(pair_batch([0]), "val").tokens.nouns.any(), "validation drops no caption"


def test_share_of_dropped_captions(make_module):
    module = make_module(caption_dropout=0.3)
    tokens = module.denoising_step(pair_batch(list(range(200)))).tokens
    dropped = 1 - tokens.nouns.flatten(1).any(1).float().mean()
    assert dropped.item() == pytest.approx(0.3, abs=0.08)


def test_a_step_leaves_the_global_generator_alone(make_module):
    module, before = make_module(), torch.random.get_rng_state()
    module.denoising_step(pair_batch([0]))
    assert torch.equal(before, torch.random.get_rng_state())


def test_two_runs_give_identical_losses(make_module, tmp_path):
    records = [Record(), Record()]
    for seed, record in enumerate(records):
        seed_everything(seed)  # The run's seed is the module's; the global one must not matter.
        trainer(tmp_path, record, Scaled()).fit(make_module(seed=5), batches(3))
    assert [each["train/loss"] for each in records[0].logged] == [each["train/loss"] for each in records[1].logged]


def test_what_is_logged(make_module, tmp_path):
    record = Record()
    trainer(tmp_path, record, Scaled(weight=0.5)).fit(make_module(warmup_steps=2), batches(3))
    last = record.logged[-1]
    assert last["train/loss"] == pytest.approx(last["train/denoise"] + last["train/scaled_weighted"], rel=1e-5)
    assert last["train/scaled_weighted"] == pytest.approx(0.5 * last["train/scaled"])
    assert [each["train/lr"] for each in record.logged] == pytest.approx([0.0, 0.005, 0.01])
    assert last["train/grad_norm"] > 0
    assert last["train/images_per_s"] > 0


def test_logged_terms_do_not_depend_on_the_accumulation(make_module, tmp_path):
    whole, parts = Record(), Record()
    trainer(tmp_path, whole, Scaled(), steps=2).fit(make_module(), batches(2, batch_size=4))
    trainer(tmp_path, parts, Scaled(), steps=2, accumulate_grad_batches=2).fit(make_module(), batches(4, batch_size=2))
    for name in ("train/loss", "train/denoise", "train/scaled_weighted"):
        assert parts.logged[3][name] == pytest.approx(whole.logged[1][name], rel=1e-4)


def test_unsupervised_nouns_are_counted_once(make_module):
    module, batch = make_module(caption_dropout=0.0), pair_batch([0, 1])
    batch.nouns[0] = (batch.nouns[0][0], Noun("beyond", ((100, 106),), mask=1))
    batch.noun_supervised[1, 0] = False
    batch.unsupervised.update(no_mask=1)
    step = module.denoising_step(batch)
    assert step.noun_supervised.tolist() == [[True, False, False, False], [False, True, False, False]]
    assert step.unsupervised_nouns == 2
    dropped = make_module(caption_dropout=1.0).denoising_step(pair_batch([0]))
    assert dropped.dropped.tolist() == [True]
    assert dropped.unsupervised_nouns == 0


def test_gradients_are_clipped_by_their_norm(make_module, tmp_path):
    class Norm(Callback):
        def on_before_zero_grad(self, trainer, pl_module, optimizer):
            gradients = [each.grad for each in pl_module.parameters() if each.grad is not None]
            if gradients:
                self.norm = torch.nn.utils.get_total_norm(gradients)

    norm = Norm()
    trainer(tmp_path, norm, steps=2, gradient_clip_val=1e-3).fit(make_module(), batches(2))
    assert norm.norm.item() == pytest.approx(1e-3, rel=1e-3)


def test_only_the_denoiser_and_the_heads_are_trained(make_module, tmp_path):
    module = make_module()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    fit = trainer(tmp_path, Scaled(), steps=2)
    fit.fit(module, batches(2))
    moved = {
        name for name, value in module.state_dict().items() if name in before and not torch.equal(value, before[name])
    }
    assert {name.split(".")[1] for name in moved} == {"unet"}
    groups = fit.optimizers[0].param_groups
    assert [len(group["params"]) for group in groups] == [len(list(module.backbone.unet.parameters())), 2]
    assert groups[1]["weight_decay"] == 0.0


def test_head_of_a_loss_that_is_off_stands_still(make_module, tmp_path):
    class Off(Callback):
        def on_train_batch_start(self, trainer, pl_module, batch, batch_idx):
            scaled.weight = 1.0 if trainer.global_step < 2 else 0.0

    scaled, record = Scaled(), Record()
    trainer(tmp_path, scaled, Off(), record, steps=4).fit(make_module(), batches(4))
    assert not torch.equal(record.heads[0][0], record.heads[1][0]), "it moved while it was on"
    assert torch.equal(record.heads[1][0], record.heads[3][0]), "momentum must not move it while it is off"
    assert "train/scaled" in record.logged[1]


def test_a_module_may_be_trained_again_without_a_loss(make_module, tmp_path):
    module = make_module()
    trainer(tmp_path, Scaled(), steps=2).fit(module, batches(2))
    head = module.heads["scaled"].weight.detach().clone()
    trainer(tmp_path, steps=2).fit(module, batches(2))
    assert torch.equal(module.heads["scaled"].weight, head)
    trainer(tmp_path, Scaled(), steps=2).fit(module, batches(2))
    assert not torch.equal(module.heads["scaled"].weight, head)


def test_a_head_is_not_handed_to_another_loss_of_the_same_name(make_module, tmp_path):
    class Wider(LossCallback):
        def build(self, module):
            return nn.Linear(1, 2)

        def compute(self, step, head):
            return head(step.prediction.mean().view(1)).sum()

    wider = Wider()
    wider.name = "scaled"
    module = make_module()
    trainer(tmp_path, Scaled(), steps=1).fit(module, batches(1))
    trainer(tmp_path, wider, steps=1).fit(module, batches(1))
    assert module.heads["scaled"].out_features == 2


def test_losses_need_names_of_their_own(make_module, tmp_path):
    with pytest.raises(ValueError, match="name of its own"):
        trainer(tmp_path, Scaled(), Scaled()).fit(make_module(), batches(1))
    renamed = Scaled()
    renamed.name = "other"
    module = make_module()
    trainer(tmp_path, Scaled(), renamed, steps=1).fit(module, batches(1))
    assert set(module.heads) == {"scaled", "other"}


def test_a_loss_that_is_not_finite_names_the_samples(make_module, tmp_path):
    class NotANumber(LossCallback):
        def compute(self, step, head):
            return step.prediction.mean() * float("nan")

    with pytest.raises(FloatingPointError, match=r"got nan at optimizer step 0 on samples .*sample0.*sample1"):
        trainer(tmp_path, NotANumber()).fit(make_module(), batches(1))


def test_subclass_with_another_training_loss(tiny_pipeline, tmp_path):
    class Absolute(ComposeModule):
        def training_loss(self, step):
            return (step.prediction - step.target).abs().mean()

    record = Record()
    module = Absolute(StableDiffusion(pretrained=str(tiny_pipeline)))
    expected = module.training_loss(module.denoising_step(pair_batch([0, 1])))
    trainer(tmp_path, record, steps=1).fit(module, batches(1))
    assert record.logged[0]["train/loss"] == pytest.approx(expected.item())


def saved(make_module, folder, *callbacks):
    fit = trainer(folder, *callbacks, steps=2)
    module = make_module(caption_dropout=0.25)
    fit.fit(module, batches(2))
    fit.save_checkpoint(folder / "last.ckpt", weights_only=False)
    return module, folder / "last.ckpt"


def test_checkpoint_holds_plain_settings_and_trained_weights_only(make_module, tmp_path):
    _, path = saved(make_module, tmp_path, Scaled())
    checkpoint = torch.load(path, weights_only=True)
    assert {key.split(".")[0] for key in checkpoint["state_dict"]} == {"backbone", "heads"}
    assert {key.split(".")[1] for key in checkpoint["state_dict"] if key.startswith("backbone")} == {"unet"}
    assert checkpoint["hyper_parameters"]["caption_dropout"] == 0.25
    assert "backbone" not in checkpoint["hyper_parameters"]
    assert checkpoint["component_configs"]["unet"]["cross_attention_dim"] == 16


def test_load_for_inference_without_the_losses(make_module, tiny_pipeline, tmp_path):
    module, path = saved(make_module, tmp_path, Scaled())
    loaded = ComposeModule.load_from_checkpoint(
        path, backbone=StableDiffusion(pretrained=str(tiny_pipeline)), weights_only=True
    )
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


def test_schedule_must_be_known(make_module):
    with pytest.raises(ValueError, match=r"Expected `lr_schedule` to be one of .*'cosine'.*, got 'foo'"):
        make_module(lr_schedule="foo")


def test_caption_dropout_must_be_a_share(make_module):
    with pytest.raises(ValueError, match="share in"):
        make_module(caption_dropout=1.5)
