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


@pytest.fixture
def begun(tmp_path):
    """Folder of a step that has made something."""
    (tmp_path / "blocks").mkdir()
    return tmp_path


def test_the_same_goes_on(tmp_path):
    record(tmp_path, SETTINGS, ROWS)
    record(tmp_path, SETTINGS, ROWS)
    assert read_record(tmp_path).rows == 2


def test_nothing_is_begun_without_a_record(tmp_path):
    assert read_record(tmp_path) is None


@pytest.mark.parametrize("attempts", [False, True])
def test_what_has_made_nothing_is_begun_anew(tmp_path, attempts):
    # A model whose weights are not where the config says, for instance.
    record(tmp_path, SETTINGS, ROWS)
    if attempts:
        (tmp_path / "attempts").mkdir()
    record(tmp_path, {"seed": 1}, ROWS[:1])
    assert (read_record(tmp_path).settings, read_record(tmp_path).rows) == ({"seed": 1}, 1)
    (tmp_path / "images").mkdir()
    with pytest.raises(ValueError, match="got seed 2 instead of 1"):
        record(tmp_path, {"seed": 2}, ROWS[:1])


def test_changed_settings_are_refused_by_their_keys(begun):
    record(begun, SETTINGS, ROWS)
    changed = {"seed": 0, "painter": {"init_args": {"steps": 30, "sizes": (1, 2)}}}
    with pytest.raises(ValueError, match=r"got painter.init_args.steps 30 instead of 20. Set them back, take another"):
        record(begun, changed, ROWS)


def test_changed_rows_are_refused(begun):
    record(begun, SETTINGS, ROWS)
    with pytest.raises(ValueError, match="the 2 rows that it was begun with, got 2 others"):
        record(begun, SETTINGS, [prompt_row("a"), prompt_row("b", prompt="another")])


def asking(url, **arguments):
    """Settings with a model behind a server."""
    endpoint = {"model": "m", "base_url": url, **arguments}
    return {"writer": {"class_path": "package.Writer", "init_args": {"endpoint": endpoint, "retries": 1}}}


def test_how_a_server_is_reached_may_change(begun):
    record(begun, asking("http://one/v1"), ROWS)
    record(begun, asking("http://two/v1", api_key_env="KEY", retries=9, timeout_s=5.0, backoff_s=0.1), ROWS)
    elsewhere = asking("")
    del elsewhere["writer"]["init_args"]["endpoint"]["base_url"]
    record(begun, elsewhere, ROWS)


@pytest.mark.parametrize("changed", [{"model": "other"}, {"temperature": 0.5}])
def test_which_model_answers_and_how_may_not(begun, changed):
    record(begun, asking("http://one/v1"), ROWS)
    (key,) = changed
    with pytest.raises(ValueError, match=rf"got writer\.init_args\.endpoint\.{key}"):
        record(begun, asking("http://one/v1", **changed), ROWS)


def test_an_argument_of_that_name_elsewhere_may_not(begun):
    record(begun, asking("http://one/v1"), ROWS)
    changed = asking("http://one/v1")
    changed["writer"]["init_args"]["retries"] = 2
    with pytest.raises(ValueError, match=r"got writer.init_args.retries 2 instead of 1"):
        record(begun, changed, ROWS)


def test_what_may_change_are_arguments_of_an_endpoint():
    assert set(CONNECTION) <= set(inspect.signature(Endpoint).parameters)


def weights_in(folder, content=b"weights", config=b"{}"):
    folder.mkdir(parents=True)
    (folder / "config.json").write_bytes(config)
    (folder / "model.safetensors").write_bytes(content)
    return {"scorer": {"init_args": {"pretrained": str(folder)}}, "benchmarks": [str(folder / "config.json")]}


def test_a_workspace_may_move_with_its_weights(begun):
    record(begun, weights_in(begun / "here/clip"), ROWS)
    before = (begun / "settings.json").read_bytes()
    shutil.rmtree(begun / "here")
    record(begun, weights_in(begun / "there/clip"), ROWS)
    assert (begun / "settings.json").read_bytes() == before


@pytest.mark.parametrize(
    ("place", "changes"),
    [("there/clip", {"content": b"weight5"}), ("there/clip", {"config": b"[]"}), ("there/other", {})],
)
def test_other_weights_are_refused(begun, place, changes):
    record(begun, weights_in(begun / "here/clip"), ROWS)
    with pytest.raises(ValueError, match=r"got .*scorer\.init_args\.pretrained '.*' instead of '"):
        record(begun, weights_in(begun / place, **changes), ROWS)


def test_a_path_that_stays_is_not_looked_at_again(begun):
    settings = weights_in(begun / "here/clip")
    record(begun, settings, ROWS)
    shutil.rmtree(begun / "here")
    record(begun, settings, ROWS)


def test_a_step_that_was_begun_before_there_were_identities_goes_on(begun):
    record(begun, SETTINGS, ROWS)
    file = begun / "settings.json"
    old = {key: value for key, value in json.loads(file.read_text()).items() if key != "files"}
    file.write_text(json.dumps(old))
    record(begun, SETTINGS, ROWS)
