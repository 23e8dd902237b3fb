"""The committed sweep: the real `wandb agent` starts real runs of it, and every parameter reaches its key."""

import csv
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from fenced_blocks import fenced_blocks
from wandb.sdk.launch.sweeps.utils import create_sweep_command_args
from wandb_server import sweep_server

from lightning_compose.cli import main
from lightning_compose.cli.config_files import merge

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/sweeps.md"
SHAPES = ROOT / "configs/shapes.yaml"
SWEEP = yaml.safe_load((ROOT / "configs/sweeps/losses.yaml").read_text())
TWO_STEPS = {
    "data": {"global_batch_size": 2, "micro_batch_size": 2, "num_workers": 0},
    "trainer": {"max_steps": 2, "val_check_interval": 2, "limit_val_batches": 1, "accelerator": "cpu"},
    "pictures": {"num_inference_steps": 1, "prompts": ["a purple heart"]},
}


def at(share: float) -> dict[str, float]:
    """A value of every parameter: 0 = the lower end of its range, 1 = the upper."""
    ranges = {name: (each["min"], each["max"]) for name, each in SWEEP["parameters"].items()}
    return {name: low ** (1 - share) * high**share for name, (low, high) in ranges.items()}


@pytest.fixture
def checkout(tmp_path) -> Path:
    """What an agent sees of the repository, the sweep as committed; its base trains two steps."""
    for name in ("configs/sweeps", "data_shards"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).symlink_to(ROOT / name)
    base = merge(yaml.safe_load(SHAPES.read_text()), TWO_STEPS)
    # In their order: that of the stages means something.
    (tmp_path / "configs/shapes.yaml").write_text(yaml.safe_dump(base, sort_keys=False))
    return tmp_path


def wandb(arguments: str, checkout: Path, url: str) -> None:
    own = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    folders = {f"WANDB_{name}_DIR": str(checkout / "home") for name in ("CONFIG", "CACHE", "DATA")}
    server = {"WANDB_BASE_URL": url, "WANDB_API_KEY": 40 * "x", "WANDB_MODE": "offline"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    command = [sys.executable, "-m", "wandb", *shlex.split(arguments)]
    subprocess.run(command, cwd=checkout, env={**own, **folders, **server, "PATH": path}, check=True, timeout=600)


def test_the_agent_starts_runs_that_train_with_the_values_of_the_server(checkout):
    runs = {"first": at(0.0), "second": at(2 / 3)}
    with sweep_server(runs) as server:
        wandb("sweep configs/sweeps/losses.yaml", checkout, server.url)
        wandb("agent --count 2 somebody/project/standin", checkout, server.url)
    for run_id, values in runs.items():
        run_dir = checkout / "runs/losses-sweep" / run_id
        saved = yaml.safe_load((run_dir / "config.yaml").read_text())
        assert {name: value_in(saved, name) for name in values} == values
        assert (run_dir / "checkpoints/last.ckpt").is_file()
        assert list(run_dir.glob(f"wandb/offline-run-*/run-{run_id}.wandb"))
        assert SWEEP["metric"]["name"] in logged_columns(run_dir)


def value_in(config: dict, name: str) -> object:
    """Look a dotted name up, through `init_args` where the name leaves them out."""
    value = config
    for key in name.split("."):
        value = value[key] if key in value else value["init_args"][key]
    return value


def logged_columns(run_dir: Path) -> list[str]:
    with (run_dir / "csv/version_0/metrics.csv").open() as file:
        return next(csv.reader(file))


def printed_config(capsys: pytest.CaptureFixture[str], values: dict) -> dict:
    """What a run with these parameters would train with; the flags are wandb's own."""
    flags = create_sweep_command_args({"args": {name: {"value": value} for name, value in values.items()}})["args"]
    with pytest.raises(SystemExit):
        main(["fit", "--config", str(SHAPES), *flags, "--print_config"])
    return yaml.safe_load(capsys.readouterr().out)


def differing(old: object, new: object, path: str = "") -> set[str]:
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return set() if old == new else {path}
    keys = old.keys() | new.keys()
    return set().union(*(differing(old.get(key), new.get(key), f"{path}.{key}".lstrip(".")) for key in keys))


def test_every_parameter_is_one_key_of_the_base(capsys):
    values = at(1 / 3)
    changed = differing(printed_config(capsys, {}), printed_config(capsys, values))
    assert {name.replace("init_args.", "") for name in changed} == {name.replace("init_args.", "") for name in values}


@pytest.mark.parametrize("position", [0, -1])
def test_the_pages_parameters_of_all_types_reach_their_keys(capsys, position):
    (example,) = (yaml.safe_load(block) for block in fenced_blocks(PAGE, "yaml"))
    values = {name: each["values"][position] for name, each in example["parameters"].items()}
    config = printed_config(capsys, values)
    assert {name: value_in(config, name) for name in values} == values


def test_the_page_starts_this_sweep():
    assert "wandb sweep configs/sweeps/losses.yaml" in "".join(fenced_blocks(PAGE, "text")).splitlines()
