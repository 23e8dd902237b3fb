"""The run's folder: its name, its last checkpoint, and what becomes of an earlier run."""

from pathlib import Path

import pytest

from lightning_compose.cli.run_folder import default_run_dir, last_checkpoint, resolve_checkpoint, set_aside


@pytest.mark.parametrize(
    ("files", "name"),
    [([], "runs/default"), (["configs/shapes.yaml"], "runs/shapes"), (["a.yaml", "b/c.yaml"], "runs/a-c")],
)
def test_the_folder_is_named_after_the_config(files, name):
    assert default_run_dir([Path(file) for file in files]) == name


def test_the_last_checkpoint_may_be_a_link(tmp_path):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    assert last_checkpoint(str(tmp_path)) is None
    (folder / "last.ckpt").symlink_to("step=1.ckpt")
    assert last_checkpoint(str(tmp_path)) is None, "a link to nothing"
    (folder / "step=1.ckpt").touch()
    assert last_checkpoint(str(tmp_path)) == folder / "last.ckpt"
    assert resolve_checkpoint("last", str(tmp_path)) == folder / "last.ckpt"
    assert resolve_checkpoint(None, str(tmp_path)) is None


def test_only_what_a_run_writes_is_set_aside(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    assert set_aside(str(tmp_path)) is None
    for number in (1, 2):
        (tmp_path / "checkpoints").mkdir()
        (tmp_path / "config.yaml").write_text(str(number))
        assert set_aside(str(tmp_path)) == tmp_path / f"earlier-{number}"
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "earlier-2/config.yaml").read_text() == "2"
    assert {each.name for each in tmp_path.iterdir()} == {"notes.txt", "earlier-1", "earlier-2"}


def test_a_folder_that_is_not_there_is_left_alone(tmp_path):
    assert set_aside(str(tmp_path / "none")) is None
    assert not (tmp_path / "none").exists()
