"""`prepare`: the command line around the steps."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from lightning_compose.cli import main, prepare
from lightning_compose.cli.config_files import read_config
from lightning_compose.prepare.settings import read_settings
from lightning_compose.prepare.steps import STEPS
from lightning_compose.prepare.workspace import Workspace

CONFIG = Path(__file__).parents[2] / "configs/prepare/shapes.yaml"
FEW = {"single": {"color": 2, "shape": 1}}
OF_SHAPES = [name for name in STEPS if name != "images"]


def run(tmp_path, *arguments, config=CONFIG):
    main(["prepare", arguments[0], "--config", str(config), "--workspace", str(tmp_path / "w"), *arguments[1:]])


@pytest.fixture
def few(tmp_path):
    """A config that overlays the counts."""
    content = read_config(CONFIG)
    content["prompts"]["counts"] = FEW
    file = tmp_path / "few.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


def test_the_command_knows_the_steps_without_importing_them():
    assert tuple(STEPS) == prepare.STEPS


def test_the_config_is_one_with_every_section_and_reason():
    settings = read_settings(read_config(CONFIG))
    assert all(getattr(settings, name) is not None for name in OF_SHAPES)
    assert sum(settings.prompts.cells.values()) == 64
    lines = [line for line in CONFIG.read_text().splitlines() if ": " in line and not line.startswith("#")]
    assert not [line for line in lines if "#" not in line and "class_path" not in line]


def test_a_step_runs_and_goes_on(tmp_path, few):
    run(tmp_path, "prompts", config=few)
    rows = Workspace(tmp_path / "w").prompts()
    assert [row.key for row in rows] == ["single-color-000000", "single-color-000001", "single-shape-000000"]
    before = (tmp_path / "w/prompts.jsonl").read_bytes()
    run(tmp_path, "prompts", "--prompts.parallel", "2", config=few)
    assert (tmp_path / "w/prompts.jsonl").read_bytes() == before


def test_run_calls_the_steps_that_have_a_section(tmp_path, few, monkeypatch):
    called = []
    for name in STEPS:
        monkeypatch.setitem(STEPS, name, lambda settings, workspace, name=name: called.append(name))
    run(tmp_path, "run", config=few)
    assert called == OF_SHAPES
    called.clear()
    run(tmp_path, "run", "--verify", "null", "--negatives=null", "--masks=null", "--report=null", config=few)
    assert called == ["prompts", "candidates", "pack"]


def test_a_changed_setting_is_refused(tmp_path, few, capsys):
    run(tmp_path, "prompts", config=few)
    told = refused(tmp_path, capsys, "prompts", "--prompts.per_order", "3", config=few)
    assert "the settings that it was begun with, got per_order 3 instead of 20. Set them back, take another" in told


def refused(tmp_path, capsys, *arguments, config=CONFIG):
    with pytest.raises(SystemExit) as exit_:
        run(tmp_path, *arguments, config=config)
    assert exit_.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()[-1:]
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pack"], "Expected prompts in"),
        (["candidates"], "found no such file. Run the step prompts, or write it."),
        (["prompts", "--prompts", "null"], "Expected a section `prompts` in the config, got none"),
        (["prompts", "--prompts.per_ordr", "3"], "Did you mean 'prompts.per_order'"),
        (["prompts", "--seed"], "Expected --seed to be followed by a value, got nothing"),
        (["prompts", "--seed", "[1"], "Expected --seed to be followed by a YAML value, got '[1'"),
        (["prompts", "--seed", "-1"], "Expected `seed` to be at least 0, got -1"),
        (["prompts", "again"], "Expected a setting such as --candidates.per_prompt 20, got 'again'"),
        (["pickle"], "invalid choice: 'pickle'"),
    ],
)
def test_refuses(tmp_path, capsys, arguments, message):
    assert message in refused(tmp_path, capsys, *arguments)


def test_a_workspace_that_is_a_file_is_refused(tmp_path, capsys):
    (tmp_path / "w").touch()
    assert "Expected --workspace to be a folder, got the file" in refused(tmp_path, capsys, "prompts")


def test_the_cost_is_told_without_a_workspace(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    main(["prepare", "cost", "--config", str(CONFIG.with_name("conpair.yaml")), "--candidates.per_prompt", "20"])
    assert "stable-diffusion-3-medium-diffusers | 308,000 | images |" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["pack"], "Expected --workspace, got none"),
        (["cost"], "Expected a section `cost` in the config, got none. Set it: see configs/prepare/conpair.yaml"),
    ],
)
def test_says_what_a_command_lacks(arguments, message, capsys):
    with pytest.raises(SystemExit):
        main(["prepare", *arguments, "--config", str(CONFIG)])
    assert message in capsys.readouterr().err.splitlines()[-1]


def test_a_report_is_written_of_nothing_too(tmp_path):
    run(tmp_path, "report")
    assert "There are no prompts" in (tmp_path / "w/report.html").read_text()


def test_two_in_one_workspace_are_one_too_many(tmp_path):
    (tmp_path / "w").mkdir()
    with (tmp_path / "w/.lock").open("a") as handle:
        fcntl.lockf(handle, fcntl.LOCK_EX)
        # From another process: a process does not lock itself out.
        arguments = ["prepare", "prompts", "--config", str(CONFIG), "--workspace", str(tmp_path / "w")]
        command = [sys.executable, "-m", "lightning_compose", *arguments]
        told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 2
    assert "another prepare is running" in told.stderr


def test_a_missing_package_is_named_with_its_extra(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "pydantic", None)
    monkeypatch.delitem(sys.modules, "lightning_compose.prepare.settings")
    monkeypatch.delitem(sys.modules, "lightning_compose.prepare.decoding")
    assert "pip install 'lightning_compose[prepare]'" in refused(tmp_path, capsys, "prompts")


def test_writing_prompts_and_help_do_without_torch_and_ray(tmp_path, few):
    arguments = ["prepare", "prompts", "--config", str(few), "--workspace", str(tmp_path / "w")]
    code = "import sys; from lightning_compose.cli import main; main(sys.argv[1:])"
    code = f"{code}; print({{'torch', 'ray'}} & {{*sys.modules}})"
    told = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "set()"


def test_rows_name_models_not_the_paths_of_this_machine():
    content = read_config(CONFIG)
    models = [content["candidates"]["painter"], content["verify"]["scorer"], content["negatives"]["embedder"]]
    assert [each["init_args"]["name"] for each in models] == ["shapes-base", "shapes-clip", "shapes-clip"]
