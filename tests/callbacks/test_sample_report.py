"""At the end of a run, however it ends, one reads which samples it could not use."""

import csv
import os
import signal

import pytest
from damaged_sets import flip
from lightning.pytorch import Callback
from lightning.pytorch.loggers import CSVLogger
from recorder import Recorder, quiet_trainer

from lightning_compose.callbacks.preemption import Preempted, Preemption
from lightning_compose.callbacks.sample_report import SampleReporter
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.shards import ShardSet, ShardWriter
from lightning_compose.shapes.generate import generate


@pytest.fixture
def root(tmp_path):
    with ShardWriter(tmp_path / "set", 4) as writer:
        for sample in generate(0, "train", range(12), size_px=16):
            writer.write(sample)
    return tmp_path / "set"


class EndAt(Callback):
    """End a training in its third step."""

    def __init__(self, way):
        self.way = way

    def on_train_batch_start(self, trainer, *_):
        if trainer.global_step == 2:
            self.way()


def fail():
    raise ArithmeticError


def interrupt():
    raise KeyboardInterrupt


def terminate():
    os.kill(os.getpid(), signal.SIGTERM)


ENDS = {
    "done": None,
    "error": (fail, ArithmeticError),
    "Ctrl-C": (interrupt, SystemExit),
    "SIGTERM": (terminate, Preempted),
}


def fit(root, folder, *callbacks, on_bad_sample="skip", **settings):
    sizes = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0}
    data = ConPairDataModule(str(root), on_bad_sample=on_bad_sample, **sizes)
    trainer = quiet_trainer(
        callbacks=[SampleReporter(), *callbacks],
        default_root_dir=folder,
        **({"logger": CSVLogger(folder, "csv", 0, flush_logs_every_n_steps=1)} | settings),
    )
    trainer.fit(Recorder(), data)


def rows(file):
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize("end", ENDS)
def test_it_is_told_at_the_end_however_it_ends(root, tmp_path, capsys, end):
    for row in range(3):
        flip(root, row, "positive")
    if end == "done":
        fit(root, tmp_path)
    else:
        way, error = ENDS[end]
        with pytest.raises(error):
            fit(root, tmp_path, EndAt(way), Preemption())
    out = capsys.readouterr().out
    reported = rows(tmp_path / "samples_report.csv")
    assert f"Bad samples that were replaced: {len(reported)}" in out
    assert "crc32_mismatch" in out
    assert f"Every bad sample: {tmp_path / 'samples_report.csv'}" in out
    assert {each["reason"] for each in reported} == {"crc32_mismatch"}
    assert {each["key"] for each in reported} <= {ShardSet(root).key(row) for row in range(3)}


def test_it_is_logged_while_it_goes_on(root, tmp_path):
    flip(root, 0, "positive")
    flip(root, 5, "positive")
    fit(root, tmp_path)
    logged = [float(row["train/bad_samples"]) for row in rows(tmp_path / "csv/version_0/metrics.csv")]
    assert logged == sorted(logged)
    assert logged[-1] == 2


def test_a_run_with_nothing_to_tell_says_nothing_and_takes_away_what_lay_there(root, tmp_path, capsys):
    (tmp_path / "samples_report.csv").write_text("of the run before")
    fit(root, tmp_path, on_bad_sample="raise")
    assert "replaced" not in capsys.readouterr().out
    assert not (tmp_path / "samples_report.csv").exists()
    assert "train/bad_samples" not in rows(tmp_path / "csv/version_0/metrics.csv")[0]


def test_a_dry_run_writes_nothing(root, tmp_path, capsys):
    for row in range(12):
        if row != 5:
            flip(root, row, "positive")
    fit(root, tmp_path, fast_dev_run=True, logger=False)
    assert "that were replaced: " in capsys.readouterr().out
    assert not (tmp_path / "samples_report.csv").exists()


def test_an_evaluation_is_told_too(root, tmp_path, capsys):
    flip(root, 4, "json")
    data = ConPairDataModule(str(root), test_root=str(root), size_px=16, num_workers=0, on_bad_sample="skip")
    quiet_trainer(callbacks=[SampleReporter()], default_root_dir=tmp_path).test(Recorder(), data, verbose=False)
    assert "Bad samples that were replaced: 1\n" in capsys.readouterr().out
    assert not (tmp_path / "samples_report.csv").exists()
