"""A step goes on with what it was begun with, or says what is different."""

import inspect
import json
import shutil

import pytest
from made_prompts import prompt_row

from lightning_compose.prepare.models.endpoint import CONNECTION, Endpoint
from lightning_compose.prepare.step_record import read_record, record

SETTINGS = {"seed": 0, "painter": {"init_args": {"steps": 20, "sizes": (1, 2)}}}
ROWS = [prompt_row("a"), prompt_row("b")]


def test_the_same_goes_on(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    record(tmp_path, SETTINGS, ROWS)
    assert read_record(tmp_path).rows == 2


def test_nothing_is_begun_without_a_record(tmp_path):
    assert read_record(tmp_path) is None


def test_changed_settings_are_refused_by_their_keys(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    changed = {"seed": 0, "painter": {"init_args": {"steps": 30, "sizes": (1, 2)}}}
    with pytest.raises(ValueError, match=r"got painter.init_args.steps 30 instead of 20. Set them back, take another"):
        record(tmp_path, changed, ROWS)


def test_changed_rows_are_refused(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    with pytest.raises(ValueError, match="the 2 rows that it was begun with, got 2 others"):
        record(tmp_path, SETTINGS, [prompt_row("a"), prompt_row("b", prompt="another")])


def asking(url, **arguments):
    """Settings with a model behind a server."""
    endpoint = {"model": "m", "base_url": url, **arguments}
    return {"writer": {"class_path": "package.Writer", "init_args": {"endpoint": endpoint, "retries": 1}}}


def test_how_a_server_is_reached_may_change(tmp_path):
    record(tmp_path, asking("http://one/v1"), ROWS)
    record(tmp_path, asking("http://two/v1", api_key_env="KEY", retries=9, timeout_s=5.0, backoff_s=0.1), ROWS)
    elsewhere = asking("")
    del elsewhere["writer"]["init_args"]["endpoint"]["base_url"]
    record(tmp_path, elsewhere, ROWS)


@pytest.mark.parametrize("changed", [{"model": "other"}, {"temperature": 0.5}])
def test_which_model_answers_and_how_may_not(tmp_path, changed):
    record(tmp_path, asking("http://one/v1"), ROWS)
    (key,) = changed
    with pytest.raises(ValueError, match=rf"got writer\.init_args\.endpoint\.{key}"):
        record(tmp_path, asking("http://one/v1", **changed), ROWS)


def test_an_argument_of_that_name_elsewhere_may_not(tmp_path):
    record(tmp_path, asking("http://one/v1"), ROWS)
    changed = asking("http://one/v1")
    changed["writer"]["init_args"]["retries"] = 2
    with pytest.raises(ValueError, match=r"got writer.init_args.retries 2 instead of 1"):
        record(tmp_path, changed, ROWS)


def test_what_may_change_are_arguments_of_an_endpoint():
    assert set(CONNECTION) <= set(inspect.signature(Endpoint).parameters)


def weights_in(folder, content=b"weights", config=b"{}"):
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(config)
    (folder / "model.safetensors").write_bytes(content)
    return {"scorer": {"init_args": {"pretrained": str(folder)}}, "benchmarks": [str(folder / "config.json")]}


def test_a_workspace_may_move_with_its_weights(tmp_path):
    record(tmp_path, weights_in(tmp_path / "here/clip"), ROWS)
    before = (tmp_path / "settings.json").read_bytes()
    shutil.rmtree(tmp_path / "here")
    record(tmp_path, weights_in(tmp_path / "there/clip"), ROWS)
    assert (tmp_path / "settings.json").read_bytes() == before


@pytest.mark.parametrize(
    ("place", "changes"),
    [("there/clip", {"content": b"weight5"}), ("there/clip", {"config": b"[]"}), ("there/other", {})],
)
def test_other_weights_are_refused(tmp_path, place, changes):
    record(tmp_path, weights_in(tmp_path / "here/clip"), ROWS)
    with pytest.raises(ValueError, match=r"got .*scorer\.init_args\.pretrained '.*' instead of '"):
        record(tmp_path, weights_in(tmp_path / place, **changes), ROWS)


def test_a_path_that_stays_is_not_looked_at_again(tmp_path):
    settings = weights_in(tmp_path / "here/clip")
    record(tmp_path, settings, ROWS)
    shutil.rmtree(tmp_path / "here")
    record(tmp_path, settings, ROWS)


def test_a_step_that_was_begun_before_there_were_identities_goes_on(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    file = tmp_path / "settings.json"
    old = {key: value for key, value in json.loads(file.read_text()).items() if key != "files"}
    file.write_text(json.dumps(old))
    record(tmp_path, SETTINGS, ROWS)
