"""How paths are named in a command: from the root of the checkout, wherever it was called."""

from pathlib import Path

from lightning_compose.study.places import from_root


def test_from_the_root_of_the_checkout_wherever_one_is(tmp_path, monkeypatch):
    (tmp_path / "checkout/configs").mkdir(parents=True)
    (tmp_path / "checkout/.git").touch()
    monkeypatch.chdir(tmp_path / "checkout/configs")
    assert from_root(Path("small.yaml")) == "configs/small.yaml"
    assert from_root(Path("../runs/study")) == "runs/study"
    assert from_root(tmp_path / "elsewhere") == (tmp_path / "elsewhere").as_posix()
