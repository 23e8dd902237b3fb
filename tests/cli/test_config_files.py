"""Config files: what merges, what is replaced, and where `${here}` points."""

import pytest

from lightning_compose.cli.config_files import PACKAGE, merge, read_command_line, read_config, without_null_losses

TOKEN = {"class_path": "pkg.TokenLoss", "init_args": {"weight": 1.0, "layers": ["mid"]}}


def test_entries_merge_at_any_depth():
    base = {"losses": {"token": TOKEN, "pixel": {"class_path": "pkg.PixelLoss"}}, "seed": 1}
    merged = merge(base, {"losses": {"token": {"init_args": {"weight": 0.5}}}})
    assert merged["losses"]["token"]["init_args"] == {"weight": 0.5, "layers": ["mid"]}
    assert merged["losses"]["pixel"] == {"class_path": "pkg.PixelLoss"}
    assert merged["seed"] == 1
    assert TOKEN["init_args"]["weight"] == 1.0, "the base must not change"


@pytest.mark.parametrize("same", ["pkg.TokenLoss", "TokenLoss"])
def test_an_entry_of_the_same_class_merges(same):
    merged = merge({"token": TOKEN}, {"token": {"class_path": same, "init_args": {"weight": 2}}})
    assert merged["token"]["init_args"] == {"weight": 2, "layers": ["mid"]}


@pytest.mark.parametrize("other", ["other.TokenLoss", "pkg.Other", "Other"])
def test_an_entry_of_another_class_is_replaced_whole(other):
    merged = merge({"token": TOKEN}, {"token": {"class_path": other, "init_args": {"k": 1}}})
    assert merged["token"] == {"class_path": other, "init_args": {"k": 1}}


def test_lists_are_replaced():
    assert merge({"a": [1, 2]}, {"a": [3]}) == {"a": [3]}


@pytest.mark.parametrize(
    ("base", "overlay", "expected"),
    [
        ({"a": [1]}, {"a+": [2, 3]}, {"a": [1, 2, 3]}),
        ({"a": 1}, {"a+": 2}, {"a": [1, 2]}),
        ({"a": None}, {"a+": 2}, {"a": [2]}),
        ({}, {"a+": [1]}, {"a+": [1]}),
        ({"a+": [1]}, {"a+": [2]}, {"a+": [1, 2]}),
        ({"a+": [1]}, {"a": [2]}, {"a": [2]}),
    ],
)
def test_plus_appends(base, overlay, expected):
    assert merge(base, overlay) == expected


def test_none_and_plain_values_replace_dicts():
    assert merge({"a": {"b": 1}}, {"a": None}) == {"a": None}
    assert merge({"a": None}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_here_is_the_folder_of_each_file(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "base.yaml").write_text("data: {root: '${here}/x'}\nlist: ['${here}']\n")
    (tmp_path / "sub" / "over.yaml").write_text("other: ${here}/y\nconfig: ${package}/assets\n")
    monkeypatch.chdir(tmp_path)
    line = read_command_line(["--config", "base.yaml", "--config=sub/over.yaml", "--seed", "3"])
    assert line.config == {
        "data": {"root": f"{tmp_path}/x"},
        "list": [f"{tmp_path}"],
        "other": f"{tmp_path}/sub/y",
        "config": f"{PACKAGE}/assets",
    }
    assert line.arguments == ("--seed", "3")
    assert [file.name for file in line.files] == ["base.yaml", "over.yaml"]


def test_other_references_and_numbers_are_left_as_they_are(tmp_path):
    file = tmp_path / "a.yaml"
    file.write_text("data: {root: a, test_root: '${.root}', lr: 1e-3, n: 2, missing: '???'}\n")
    assert read_config(file)["data"] == {
        "root": "a",
        "test_root": "${.root}",
        "lr": 1e-3,
        "n": 2,
        "missing": "???",
    }


def test_the_order_on_the_command_line_does_not_matter(tmp_path):
    (tmp_path / "a.yaml").write_text("a: 1")
    line = read_command_line(["--x=1", "-c", str(tmp_path / "a.yaml"), "--y"])
    assert (line.config, line.arguments) == ({"a": 1}, ("--x=1", "--y"))


def test_an_empty_file_is_an_empty_config(tmp_path):
    (tmp_path / "a.yaml").write_text("# nothing yet\n")
    assert read_config(tmp_path / "a.yaml") == {}


@pytest.mark.parametrize(
    ("content", "message"),
    [("a: [1", "to hold YAML"), ("a: 1\na: 2", "duplicate key a"), ("- 1", "keys and values, got a list")],
)
def test_a_broken_file_is_named(tmp_path, content, message):
    file = tmp_path / "broken.yaml"
    file.write_text(content)
    with pytest.raises(ValueError, match=message) as error:
        read_config(file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("argv", "message"), [(["--config"], "got nothing"), (["--config", "--x"], "got --x"), (["-c="], "got nothing")]
)
def test_a_flag_without_a_file(argv, message):
    with pytest.raises(ValueError, match=message):
        read_command_line(argv)


def test_a_missing_file_is_named():
    with pytest.raises(FileNotFoundError, match=r"no file 'nowhere\.yaml'"):
        read_command_line(["--config", "nowhere.yaml"])


@pytest.mark.parametrize(
    ("later", "kept"),
    [("losses: {pixel: null}", {"token": {"weight": 1}}), ("losses: null", {}), ("losses: {}", None)],
)
def test_null_in_a_later_file_takes_a_loss_away(tmp_path, later, kept):
    both = {"token": {"weight": 1}, "pixel": {"weight": 2}}
    (tmp_path / "a.yaml").write_text("losses: {token: {weight: 1}, pixel: {weight: 2}}\n")
    (tmp_path / "b.yaml").write_text(f"{later}\n")
    line = read_command_line(["--config", str(tmp_path / "a.yaml"), "--config", str(tmp_path / "b.yaml")])
    assert line.config == {"losses": both if kept is None else kept}


@pytest.mark.parametrize("config", [{}, {"losses": 5}, {"losses": [1]}])
def test_losses_that_are_none_are_left_to_the_parser(config):
    assert without_null_losses(config) == config


@pytest.mark.parametrize("null", [("--losses", "null"), ("--losses=null",)])
def test_null_on_the_command_line_takes_a_whole_key_away(tmp_path, null):
    file = tmp_path / "a.yaml"
    file.write_text("losses: {token: {weight: 1}}\nema: {decay: 0.9}\n")
    arguments = [*null, "--ema", "null", "--data.cache", "null", "--run_dir", "null_and_void"]
    line = read_command_line([*arguments, "--config", str(file)])
    assert line.config == {"losses": {}, "ema": None}
    assert line.arguments == ("--data.cache", "null", "--run_dir", "null_and_void")
