"""The average of the trained weights: what it is, where it is used, and that training does not notice."""

from types import SimpleNamespace

import pytest
import torch
from batches import batches
from extra_losses import AbsoluteError
from lightning.pytorch import Callback, LightningModule
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import nn
from torch.utils.data import DataLoader

from lightning_compose.callbacks import attention_maps
from lightning_compose.callbacks.attention_maps import AttentionMaps
from lightning_compose.callbacks.ema import EMA, NamedAverage, averaged, saved_average, trained_parameters
from lightning_compose.callbacks.samples import SampleGrid

DATA = DataLoader([torch.randn(4, 3, generator=torch.Generator().manual_seed(0))] * 50, batch_size=None)
VALIDATED = {"val_check_interval": 1, "check_val_every_n_epoch": None, "num_sanity_val_steps": 1}


class Net(LightningModule):
    """Two trained layers of one shape, so that a mix-up of names would pass unnoticed by shape, and a frozen one."""

    def __init__(self) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.first, self.second, self.frozen = nn.Linear(3, 3), nn.Linear(3, 3), nn.Linear(3, 3)
        self.frozen.requires_grad_(False)

    def training_step(self, batch, batch_idx):
        return self.second(self.first(self.frozen(batch)).tanh()).square().mean()

    def validation_step(self, batch, batch_idx):
        self.log("val/loss", self.training_step(batch, batch_idx))

    def test_step(self, batch, batch_idx):
        pass

    def configure_optimizers(self):
        optimizer = torch.optim.AdamW(self.parameters(), lr=0.1)
        return [optimizer], [torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.9)]


class Record(Callback):
    """Keep the weights after every optimizer step, and what every validation batch saw."""

    def __init__(self) -> None:
        self.trained, self.validated, self.averages, self.tested = [], [], [], []

    def on_train_start(self, trainer, pl_module):
        self.at_start = average(trainer)

    def on_train_batch_end(self, trainer, pl_module, *_):
        if trainer.global_step > len(self.trained):
            self.trained.append(values(pl_module))

    def on_validation_batch_start(self, trainer, pl_module, *_):
        self.validated.append(values(pl_module))
        self.averages.append(average(trainer))

    def on_test_batch_start(self, trainer, pl_module, *_):
        self.tested.append(values(pl_module))


def values(module):
    return {name: each.detach().clone() for name, each in module.named_parameters() if each.requires_grad}


def average(trainer):
    states = [each.state_dict() for each in trainer.callbacks if isinstance(each, EMA)]
    return {name: each.clone() for state in states for name, each in state.get("average", {}).items()}


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


@pytest.fixture
def fit(make_trainer):
    """Train a Net and return its trainer; validation and test data are those of the training."""

    def run(*callbacks, steps=4, module=None, ckpt_path=None, **settings):
        settings = {"limit_val_batches": 1, "limit_test_batches": 1} | settings
        trainer = make_trainer(max_steps=steps, callbacks=list(callbacks), **settings)
        trainer.fit(module or Net(), DATA, DATA, ckpt_path=ckpt_path, weights_only=True)
        return trainer

    return run


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
def test_it_is_what_the_formula_says_once_an_optimizer_step(fit, settings, decays):
    record = Record()
    trainer = fit(EMA(**{"decay": 0.999} | settings), record, accumulate_grad_batches=3)
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


def test_validation_and_test_see_it_and_training_does_not_notice(fit):
    plain, record = Record(), Record()
    fit(plain)
    trainer = fit(record, EMA(0.9), **VALIDATED)
    assert all(same(*each) for each in zip(plain.trained, record.trained, strict=True))
    assert len(record.validated) == 5, "the sanity check is one of them"
    assert all(same(*each) for each in zip(record.validated, record.averages, strict=True))
    assert not same(record.validated[-1], record.trained[-1])
    trainer.test(trainer.lightning_module, DATA, verbose=False)
    assert same(record.tested[-1], average(trainer)), "also right after the training"
    assert same(values(trainer.lightning_module), plain.trained[-1])


def test_it_belongs_to_one_module(fit):
    record = Record()
    trainer = fit(record, EMA(0.9))
    other = Net()
    trainer.test(other, DATA, verbose=False)
    assert same(record.tested[-1], values(other))


def test_it_gives_way_to_a_checkpoint_that_has_none(fit, tmp_path):
    without = fit(EMA(), steps=2)
    without.save_checkpoint(tmp_path / "c.ckpt")
    record = Record()
    trainer = fit(record, EMA(0.9))
    trainer.test(trainer.lightning_module, DATA, ckpt_path=tmp_path / "c.ckpt", weights_only=True, verbose=False)
    assert same(record.tested[-1], values(without.lightning_module))


def test_a_validation_between_two_micro_batches_changes_nothing(fit):
    plain, record = Record(), Record()
    settings = {"accumulate_grad_batches": 2, "gradient_clip_val": 0.1}
    fit(plain, **settings)
    fit(record, EMA(0.9), **settings, **VALIDATED)
    assert all(same(*each) for each in zip(plain.trained, record.trained, strict=True))


def test_the_weights_come_back_when_validation_raises(fit):
    class Broken(Callback):
        def on_validation_batch_end(self, trainer, pl_module, *_):
            if trainer.global_step == 2:
                raise RuntimeError("a bug")

    module, record = Net(), Record()
    with pytest.raises(RuntimeError, match="a bug"):
        fit(record, EMA(0.9), Broken(), module=module, **VALIDATED)
    assert not same(record.validated[-1], record.trained[-1])
    assert same(values(module), record.trained[-1])


def test_a_checkpoint_holds_the_trained_weights_whenever_it_is_saved(fit, tmp_path):
    class Save(Callback):
        def on_validation_batch_end(self, trainer, *_):
            trainer.save_checkpoint(tmp_path / f"inside-{trainer.global_step}.ckpt")

    record = Record()
    best = ModelCheckpoint(tmp_path, "end-{step}", "val/loss", save_top_k=-1, auto_insert_metric_name=False)
    fit(best, Save(), record, EMA(0.9), enable_checkpointing=True, **VALIDATED)
    for step, (trained, kept) in enumerate(zip(record.trained, record.averages[1:], strict=True), 1):
        for name in (f"inside-{step}.ckpt", f"end-{step}.ckpt"):
            saved = torch.load(tmp_path / name, weights_only=True)
            assert same({key: saved["state_dict"][key] for key in trained}, trained)
            assert same(saved_average(saved), kept)


def test_averaged_gives_the_weights_back(fit):
    trainer = fit(EMA(0.9))
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
def test_without_an_average_nothing_changes(fit, tmp_path, callbacks):
    record = Record()
    trainer = fit(*callbacks, record)
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


# -- lives -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("settings", [{}, {"accumulate_grad_batches": 2, **VALIDATED}])
def test_an_interrupted_run_ends_with_the_same_average(fit, tmp_path, settings):
    straight = fit(EMA(0.9), steps=6, **settings)
    file = tmp_path / "c.ckpt"
    fit(EMA(0.9), steps=3, **settings).save_checkpoint(file)
    checkpoint = torch.load(file, weights_only=True)
    state = checkpoint["callbacks"]["EMA"]
    state["average"] = dict(reversed(state["average"].items()))
    torch.save(checkpoint, file)
    resumed = fit(EMA(0.9), steps=6, ckpt_path=file, **settings)
    assert same(values(resumed.lightning_module), values(straight.lightning_module))
    assert {name: each.tolist() for name, each in average(resumed).items()} == {
        name: each.tolist() for name, each in average(straight).items()
    }
    assert resumed.callbacks[0].state_dict()["updates"] == 6


def test_a_fit_without_a_checkpoint_starts_its_own(fit):
    ema, module = EMA(0.9), Net()
    fit(ema, steps=2, module=module)
    fit(ema, steps=1, module=module)
    assert ema.state_dict()["updates"] == 1


def test_other_trained_parameters_are_refused_by_name(fit, tmp_path):
    fit(EMA(0.9), steps=1).save_checkpoint(tmp_path / "c.ckpt")
    module = Net()
    module.first.weight.requires_grad_(False)
    module.frozen.bias.requires_grad_(True)
    with pytest.raises(ValueError, match=r"none of \['first.weight'\] and beside them \['frozen.bias'\]"):
        fit(EMA(0.9), module=module, ckpt_path=tmp_path / "c.ckpt")


def test_switched_on_it_starts_from_the_present_weights(fit, tmp_path, caplog):
    before, record = fit(EMA(), steps=3), Record()
    before.save_checkpoint(tmp_path / "c.ckpt")
    with caplog.at_level("INFO"):
        trainer = fit(EMA(0.9), record, steps=4, ckpt_path=tmp_path / "c.ckpt")
    assert "the average starts from its trained ones" in caplog.text
    assert same(record.at_start, values(before.lightning_module))
    assert trainer.callbacks[0].state_dict()["updates"] == 1


def test_switched_off_it_is_dropped(fit, tmp_path, caplog):
    fit(EMA(0.9), steps=3).save_checkpoint(tmp_path / "c.ckpt")
    record = Record()
    with caplog.at_level("INFO"):
        trainer = fit(EMA(0.0), record, steps=4, ckpt_path=tmp_path / "c.ckpt", **VALIDATED)
    assert "averaged weights are dropped" in caplog.text
    assert trainer.callbacks[0].state_dict() == {}
    assert same(record.validated[-1], values(trainer.lightning_module))


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_checkpoint_is_measured_by_its_average(fit, make_trainer, tmp_path, decay):
    trained = fit(EMA(0.9))
    trained.save_checkpoint(tmp_path / "c.ckpt")
    for weights, expected in (("average", average(trained)), ("trained", values(trained.lightning_module))):
        ema, record, module = EMA(decay), Record(), Net()
        ema.weights = weights
        trainer = make_trainer(callbacks=[ema, record], limit_test_batches=1)
        trainer.test(module, DATA, ckpt_path=tmp_path / "c.ckpt", weights_only=True, verbose=False)
        assert same(record.tested[0], expected)
        assert same(values(module), values(trained.lightning_module))


class SaveAverage(Callback):
    def __init__(self, folder) -> None:
        self.folder = folder

    def on_train_end(self, trainer, pl_module):
        content = {"average": average(trainer), "trained": values(pl_module)}
        torch.save(content, self.folder / f"{trainer.global_rank}.pt")


class RankNet(Net):
    """Every rank has its own data."""

    def training_step(self, batch, batch_idx):
        return super().training_step(batch + self.global_rank, batch_idx)


def test_two_ranks_keep_the_same(fit, tmp_path):
    settings = {"strategy": "ddp_fork", "devices": 2, "use_distributed_sampler": False, **VALIDATED}
    fit(EMA(0.9), SaveAverage(tmp_path), module=RankNet(), accumulate_grad_batches=2, **settings)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert same(first["average"], second["average"])
    assert not same(first["average"], first["trained"])
    assert trained_parameters(Net()).keys() == first["average"].keys()


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


def test_checkpoints_without_it_are_warned_of(fit, tmp_path):
    with pytest.warns(UserWarning, match="save_weights_only: true"):
        fit(ModelCheckpoint(tmp_path, save_weights_only=True), EMA(0.9), steps=1, enable_checkpointing=True)
