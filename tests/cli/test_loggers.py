"""Loggers: always in the run's folder, CSV always among them."""

import pytest
from jsonargparse import Namespace
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger

from lightning_compose.cli.loggers import leave_open, place_in, run_loggers


@pytest.mark.parametrize("configured", [None, True])
def test_the_default_is_tensorboard_and_csv(tmp_path, configured):
    loggers = run_loggers(configured, str(tmp_path), "fit")
    assert [type(each) for each in loggers] == [TensorBoardLogger, CSVLogger]
    assert loggers[0].log_dir == str(tmp_path / "tensorboard")
    assert loggers[1].log_dir == str(tmp_path / "csv/version_0")


def test_false_is_none(tmp_path):
    assert run_loggers(False, str(tmp_path), "fit") == []


def test_what_the_user_chose_stands_beside_csv(tmp_path):
    own = TensorBoardLogger(tmp_path, name="mine")
    assert run_loggers(own, str(tmp_path), "fit")[0] is own
    assert isinstance(run_loggers([own], str(tmp_path), "fit")[1], CSVLogger)
    csv = CSVLogger(tmp_path / "mine")
    assert run_loggers([own, csv], str(tmp_path), "fit") == [own, csv]


def test_only_fit_writes_into_the_curves(tmp_path):
    (logger,) = run_loggers(None, str(tmp_path), "validate")
    assert logger.log_dir == str(tmp_path / "validate/version_0")


def test_a_place_left_open_is_the_runs_folder():
    configs = [Namespace(init_args=Namespace(save_dir=place, name="x")) for place in (".", None, "mine")]
    place_in("runs/a", configs)
    assert [each.init_args.save_dir for each in configs] == ["runs/a", "runs/a", "mine"]
    leave_open("runs/a", configs)
    assert [each.init_args.save_dir for each in configs] == [".", ".", "mine"]
    for nothing in (None, True, False, []):
        place_in("runs/a", nothing)
        leave_open("runs/a", nothing)
