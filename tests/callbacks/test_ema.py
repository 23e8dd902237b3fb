"""The average of the trained weights: what it is, where it is used, and that training does not notice."""

from types import SimpleNamespace

import pytest
import torch
from averaged_net import DATA, VALIDATED, Net, Record, average, same, values
from batches import batches
from extra_losses import AbsoluteError
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn

from lightning_compose.callbacks import attention_maps
from lightning_compose.callbacks.attention_maps import AttentionMaps
from lightning_compose.callbacks.ema import EMA, NamedAverage, averaged, saved_average
from lightning_compose.callbacks.samples import SampleGrid

# -- what it is --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "decays"),
    [
        ({}, [0, 2 / 11, 3 / 12, 4 / 13]),
        ({"decay": 0.2}, [0, 2 / 11, 0.2, 0.2]),
        ({"use_ema_warmup": True, "power": 0.75}, [0, 1 - 2**-0.75, 1 - 3**-0.75, 1 - 4**-0.75]),
        ({"use_ema_warmup": True, "inv_gamma": 2.0, "power": 1.0}, [0, 1 / 3, 1 / 2, 3 / 5]),
        ({"update_after_step": 2}, [0, 0, 0, 2 / 11]),
    ],
)
def test_it_is_what_the_formula_says_once_an_optimizer_step(fit_net, settings, decays):
    record = Record()
    trainer = fit_net(EMA(**{"decay": 0.999} | settings), record, accumulate_grad_batches=3)
    expected = values(Net())
    for decay, weights in zip(decays, record.trained, strict=True):
        expected = {name: decay * expected[name] + (1 - decay) * weights[name] for name in expected}
    assert set(expected) == {"first.weight", "first.bias", "second.weight", "second.bias"}
    torch.testing.assert_close(average(trainer), expected)
    assert saved_average({"callbacks": {"EMA": trainer.callbacks[0].state_dict()}}).keys() == expected.keys()


def test_the_heads_of_losses_are_in_it_and_the_encoders_are_not(train, module):
    module.backbone.unet.conv_in.requires_grad_(False)
    trainer = train(2, [EMA(0.9), AbsoluteError()])
    names = average(trainer).keys()
    assert "heads.absolute_error.weight" in names
    assert "backbone.unet.conv_out.weight" in names
    assert not [name for name in names if not name.startswith(("backbone.unet.", "heads."))]
    assert not [name for name in names if "conv_in" in name]


def test_the_head_of_a_loss_that_is_off_stands_still(train, module):
    trainer = train(3, [EMA(0.9), AbsoluteError(weight=0.0)])
    kept, trained = average(trainer), values(module)
    heads = [name for name in trained if name.startswith("heads.")]
    assert len(heads) == 2
    assert all(torch.equal(kept[name], trained[name]) for name in heads)


def test_half_precision_does_not_round_it_away():
    weights = {"w": torch.ones(1, dtype=torch.bfloat16)}
    kept = NamedAverage(weights, 10**6, {"decay": 0.9999})
    for _ in range(10):
        kept.update([nn.Parameter(torch.full((1,), 1.5, dtype=torch.bfloat16))])
    assert kept.tensors()["w"].item() == pytest.approx(1.5 - 0.5 * 0.9999**10, rel=1e-6)


def test_mixed_precision(train):
    trainer = train(2, [EMA(0.9)], precision="bf16-mixed")
    assert {each.dtype for each in average(trainer).values()} == {torch.float32}


def test_it_moves_to_the_device_of_the_weights():
    module, ema = Net().to("meta"), EMA(0.9)
    trainer = SimpleNamespace(optimizers=[torch.optim.SGD(module.parameters())], checkpoint_callbacks=[])
    ema.load_state_dict({"average": values(Net()), "updates": 3})
    ema.on_fit_start(trainer, module)
    assert {each.device.type for each in ema.state_dict()["average"].values()} == {"meta"}


# -- where it is used --------------------------------------------------------------------------------


def test_validation_and_test_see_it_and_training_does_not_notice(fit_net):
    plain, record = Record(), Record()
    fit_net(plain)
    trainer = fit_net(record, EMA(0.9), **VALIDATED)
    assert all(same(*each) for each in zip(plain.trained, record.trained, strict=True))
    assert len(record.validated) == 5, "the sanity check is one of them"
    assert all(same(*each) for each in zip(record.validated, record.averages, strict=True))
    assert not same(record.validated[-1], record.trained[-1])
    trainer.test(trainer.lightning_module, DATA, verbose=False)
    assert same(record.tested[-1], average(trainer)), "also right after the training"
    assert same(values(trainer.lightning_module), plain.trained[-1])


def test_it_belongs_to_one_module(fit_net):
    record = Record()
    trainer = fit_net(record, EMA(0.9))
    other = Net()
    trainer.test(other, DATA, verbose=False)
    assert same(record.tested[-1], values(other))


def test_it_gives_way_to_a_checkpoint_that_has_none(fit_net, tmp_path):
    without = fit_net(EMA(), steps=2)
    without.save_checkpoint(tmp_path / "c.ckpt")
    record = Record()
    trainer = fit_net(record, EMA(0.9))
    trainer.test(trainer.lightning_module, DATA, ckpt_path=tmp_path / "c.ckpt", weights_only=True, verbose=False)
    assert same(record.tested[-1], values(without.lightning_module))


@pytest.mark.parametrize("evaluate", ["validate", "test"])
def test_the_average_of_a_training_is_not_taken_for_that_of_a_checkpoint_of_weights_only(fit_net, tmp_path, evaluate):
    earlier = fit_net(EMA(0.9), steps=1)
    earlier.save_checkpoint(tmp_path / "c.ckpt", weights_only=True)
    record = Record()
    trainer = fit_net(EMA(0.9), record)
    trained = trainer.lightning_module
    getattr(trainer, evaluate)(trained, DATA, ckpt_path=tmp_path / "c.ckpt", weights_only=True, verbose=False)
    assert same((record.validated + record.tested)[-1], values(earlier.lightning_module))


def test_a_validation_between_two_micro_batches_changes_nothing(fit_net):
    plain, record = Record(), Record()
    settings = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}
    fit_net(plain, **settings)
    fit_net(record, EMA(0.9), **settings, **VALIDATED)
    assert all(same(*each) for each in zip(plain.trained, record.trained, strict=True))


def test_the_weights_come_back_when_validation_raises(fit_net):
    class Broken(Callback):
        def on_validation_batch_end(self, trainer, pl_module, *_):
            if trainer.global_step == 2:
                raise RuntimeError("a bug")

    module, record = Net(), Record()
    with pytest.raises(RuntimeError, match="a bug"):
        fit_net(record, EMA(0.9), Broken(), module=module, **VALIDATED)
    assert not same(record.validated[-1], record.trained[-1])
    assert same(values(module), record.trained[-1])


def test_a_checkpoint_holds_the_trained_weights_whenever_it_is_saved(fit_net, tmp_path):
    class Save(Callback):
        def on_validation_batch_end(self, trainer, *_):
            trainer.save_checkpoint(tmp_path / f"inside-{trainer.global_step}.ckpt")

    record = Record()
    best = ModelCheckpoint(tmp_path, "end-{step}", "val/loss", save_top_k=-1, auto_insert_metric_name=False)
    fit_net(best, Save(), record, EMA(0.9), enable_checkpointing=True, **VALIDATED)
    for step, (trained, kept) in enumerate(zip(record.trained, record.averages[1:], strict=True), 1):
        for name in (f"inside-{step}.ckpt", f"end-{step}.ckpt"):
            saved = torch.load(tmp_path / name, weights_only=True)
            assert same({key: saved["state_dict"][key] for key in trained}, trained)
            assert same(saved_average(saved), kept)


def test_averaged_gives_the_weights_back(fit_net):
    trainer = fit_net(EMA(0.9))
    module = trainer.lightning_module
    trained, kept = values(module), average(trainer)
    with averaged(trainer):
        assert same(values(module), kept)
        with averaged(trainer):
            assert same(values(module), kept)
        assert same(values(module), kept), "the inner one is over, the outer is not"
    assert same(values(module), trained)
    with pytest.raises(RuntimeError), averaged(trainer):
        raise RuntimeError
    assert same(values(module), trained)


@pytest.mark.parametrize("callbacks", [[], [EMA()]])
def test_without_an_average_nothing_changes(fit_net, tmp_path, callbacks):
    record = Record()
    trainer = fit_net(*callbacks, record)
    with averaged(trainer):
        assert same(values(trainer.lightning_module), record.trained[-1])
    trainer.save_checkpoint(tmp_path / "c.ckpt")
    assert saved_average(torch.load(tmp_path / "c.ckpt", weights_only=True)) == {}


def test_pictures_are_the_averages(train, module, monkeypatch):
    def look(original):
        def drawing(*arguments, **settings):
            seen.append(values(module))
            return original(*arguments, **settings)

        return drawing

    seen, wanted = [], []

    class Wanted(Callback):
        def on_train_batch_end(self, trainer, *_):
            wanted.append(average(trainer))

    monkeypatch.setattr(module.backbone, "pipeline", look(module.backbone.pipeline))
    monkeypatch.setattr(attention_maps, "denoising_step", look(attention_maps.denoising_step))
    module.val_dataloader = lambda: batches(1)
    pictures = [
        SampleGrid(["a cat"], every_n_steps=2, num_inference_steps=1),
        AttentionMaps(images=1, every_n_steps=2),
    ]
    # The average is the last of the callbacks, and yet it holds the step that the picture is of.
    train(2, [*pictures, Wanted(), EMA(0.9)], limit_val_batches=1, check_val_every_n_epoch=None, val_check_interval=50)
    assert len(seen) == 2
    assert all(same(each, wanted[-1]) for each in seen)
    assert not same(seen[0], values(module))


# -- mistakes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"decay": 1.0}, r"`decay` to be in \[0, 1\), got 1.0"),
        ({"decay": -0.1}, r"`decay` to be in \[0, 1\)"),
        ({"update_after_step": -1}, "`update_after_step` to be at least 0"),
        ({"power": 0.0}, "`inv_gamma` and `power` to be above 0"),
    ],
)
def test_settings_are_checked(settings, message):
    with pytest.raises(ValueError, match=message):
        EMA(**settings)


def test_a_strategy_that_shards_is_refused(make_trainer):
    trainer = SimpleNamespace(strategy=SimpleNamespace(restore_checkpoint_after_setup=True))
    with pytest.raises(ValueError, match="got SimpleNamespace, which shards them"):
        EMA(0.9).setup(trainer, Net(), "fit")
    EMA(0.0).setup(trainer, Net(), "fit")


def test_checkpoints_without_it_are_warned_of(fit_net, tmp_path):
    with pytest.warns(UserWarning, match="save_weights_only: true"):
        fit_net(ModelCheckpoint(tmp_path, save_weights_only=True), EMA(0.9), steps=1, enable_checkpointing=True)
