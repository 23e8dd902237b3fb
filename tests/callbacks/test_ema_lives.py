"""The average over the lives of a run: as if nothing had happened, or said so; and over its ranks."""

import pytest
import torch
from averaged_net import DATA, VALIDATED, Net, Record, average, same, values
from lightning.pytorch import Callback

from lightning_compose.callbacks.ema import EMA, trained_parameters


@pytest.mark.parametrize("settings", [{}, {"accumulate_grad_batches": 2, **VALIDATED}])
def test_an_interrupted_run_ends_with_the_same_average(fit_net, tmp_path, settings):
    straight = fit_net(EMA(0.9), steps=6, **settings)
    file = tmp_path / "c.ckpt"
    fit_net(EMA(0.9), steps=3, **settings).save_checkpoint(file)
    checkpoint = torch.load(file, weights_only=True)
    state = checkpoint["callbacks"]["EMA"]
    state["average"] = dict(reversed(state["average"].items()))
    torch.save(checkpoint, file)
    resumed = fit_net(EMA(0.9), steps=6, ckpt_path=file, **settings)
    assert same(values(resumed.lightning_module), values(straight.lightning_module))
    assert {name: each.tolist() for name, each in average(resumed).items()} == {
        name: each.tolist() for name, each in average(straight).items()
    }
    assert resumed.callbacks[0].state_dict()["updates"] == 6


def test_a_fit_without_a_checkpoint_starts_its_own(fit_net):
    ema, module = EMA(0.9), Net()
    fit_net(ema, steps=2, module=module)
    fit_net(ema, steps=1, module=module)
    assert ema.state_dict()["updates"] == 1


def test_other_trained_parameters_are_refused_by_name(fit_net, tmp_path):
    fit_net(EMA(0.9), steps=1).save_checkpoint(tmp_path / "c.ckpt")
    module = Net()
    module.first.weight.requires_grad_(False)
    module.frozen.bias.requires_grad_(True)
    with pytest.raises(ValueError, match=r"none of \['first.weight'\] and beside them \['frozen.bias'\]"):
        fit_net(EMA(0.9), module=module, ckpt_path=tmp_path / "c.ckpt")


def test_switched_on_it_starts_from_the_present_weights(fit_net, tmp_path, caplog):
    before, record = fit_net(EMA(), steps=3), Record()
    before.save_checkpoint(tmp_path / "c.ckpt")
    with caplog.at_level("INFO"):
        trainer = fit_net(EMA(0.9), record, steps=4, ckpt_path=tmp_path / "c.ckpt")
    assert "the average starts from its trained ones" in caplog.text
    assert same(record.at_start, values(before.lightning_module))
    assert trainer.callbacks[0].state_dict()["updates"] == 1


def test_switched_off_it_is_dropped(fit_net, tmp_path, caplog):
    fit_net(EMA(0.9), steps=3).save_checkpoint(tmp_path / "c.ckpt")
    record = Record()
    with caplog.at_level("INFO"):
        trainer = fit_net(EMA(0.0), record, steps=4, ckpt_path=tmp_path / "c.ckpt", **VALIDATED)
    assert "averaged weights are dropped" in caplog.text
    assert trainer.callbacks[0].state_dict() == {}
    assert same(record.validated[-1], values(trainer.lightning_module))


@pytest.mark.parametrize("decay", [0.0, 0.9])
def test_a_checkpoint_is_measured_by_its_average(fit_net, make_trainer, tmp_path, decay):
    trained = fit_net(EMA(0.9))
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


def test_two_ranks_keep_the_same(fit_net, tmp_path):
    settings = {"strategy": "ddp_fork", "devices": 2, "use_distributed_sampler": False, **VALIDATED}
    fit_net(EMA(0.9), SaveAverage(tmp_path), module=RankNet(), accumulate_grad_batches=2, **settings)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert same(first["average"], second["average"])
    assert not same(first["average"], first["trained"])
    assert trained_parameters(Net()).keys() == first["average"].keys()
