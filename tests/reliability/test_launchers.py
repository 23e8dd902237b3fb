"""The command line on several ranks, by each launcher: signalled, and gone on with as if nothing had been."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import rank_lives
import torch
from ranks import slurm_environment, started, torchrun_environment, wait_for

RANKS = ("--trainer.devices", "2", "--trainer.strategy", "ddp")
TWO_RANKS = ("fit", "--config", "tiny.yaml", *RANKS, "--ckpt_path", "last")
LONG = ("--trainer.max_steps", "1000")
TESTS = Path(__file__).parents[1]
ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), str(TESTS.parent)]), "OMP_NUM_THREADS": "1"}
# Or ranks that torchrun starts again may look for each other at the addresses of the life before.
ENVIRONMENT["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"


def last_checkpoint(folder):
    return torch.load(folder / "run/checkpoints/last.ckpt", weights_only=True)


def logged(folder, column):
    """Every value of a metric over all lives, by step."""
    values = []
    for file in sorted((folder / "run/csv").rglob("metrics.csv")):
        with file.open() as handle:
            values += [(int(row["step"]), float(row[column])) for row in csv.DictReader(handle) if row.get(column)]
    return values


def signal_when_training(folder, number, rank=0, step=1):
    file = rank_lives.beacon(folder, rank, step)
    wait_for(file)
    os.kill(int(file.read_text()), number)


@pytest.fixture
def launch():
    """Start a command in a folder; what is left of it is killed at the end."""
    launched = []

    def start(folder, *command):
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        launched.append(process)
        return process

    yield start
    for process in launched:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def ended(process):
    output, _ = process.communicate(timeout=240)
    return process.returncode, output


@pytest.mark.parametrize("environment", [torchrun_environment, slurm_environment])
def test_ranks_of_a_cluster_share_the_run(run_folder, environment):
    with started(rank_lives.command, run_folder, *TWO_RANKS, *LONG, environment=environment) as ranks:
        wait_for(rank_lives.beacon(run_folder, 1, 4), ranks)
        ranks.signal(1, signal.SIGUSR1)
        assert ranks.exit_codes() == [138, 138]
    step = last_checkpoint(run_folder)["global_step"]
    end = ("--trainer.max_steps", str(step + 3))
    with started(rank_lives.command, run_folder, *TWO_RANKS, *end, environment=environment) as ranks:
        assert ranks.exit_codes() == [0, 0]
    assert last_checkpoint(run_folder)["global_step"] == step + 3
    assert [each for each, _ in logged(run_folder, "train/loss")] == list(range(step + 3))
    # Written by one rank: nothing was set aside, nothing came twice.
    assert sorted(each.name for each in (run_folder / "run/csv").iterdir()) == ["version_0", "version_1"]
    assert not list((run_folder / "run").glob("earlier-*"))
    samples = [each.name for each in (run_folder / "run/pictures").glob("samples-*")]
    assert samples == [f"samples-{step + 3:06d}.png"]


def test_what_two_ranks_log_is_what_one_logs(run_folder):
    both = ("--trainer.max_steps", "4")
    for folder, world_size, arguments in (("one", 1, ()), ("two", 2, RANKS)):
        (run_folder / folder).mkdir()
        command = ("fit", "--config", "../tiny.yaml", *arguments, *both)
        with started(rank_lives.command, run_folder / folder, *command, world_size=world_size) as ranks:
            assert set(ranks.exit_codes()) == {0}
    for column in ("train/loss", "val/loss"):
        one, two = logged(run_folder / "one", column), logged(run_folder / "two", column)
        assert len(one) == (4 if column == "train/loss" else 1)
        torch.testing.assert_close(torch.tensor(two), torch.tensor(one), rtol=1e-4, atol=1e-5)


def test_a_real_process_ends_with_143_and_goes_on(run_folder, launch):
    command = (sys.executable, "-m", "lightning_compose", "fit", "--config", "tiny.yaml", "--ckpt_path", "last")
    process = launch(run_folder, *command, *LONG)
    wait_for(rank_lives.beacon(run_folder, 0, 1))
    # As systemd and SLURM do: to every process of the job.
    os.killpg(process.pid, signal.SIGTERM)
    code, output = ended(process)
    step = last_checkpoint(run_folder)["global_step"]
    assert (code, output.splitlines()[-1]) == (
        143,
        f"Interrupted at step {step}; go on with --ckpt_path last, the latest checkpoint is of step {step}",
    )
    code, output = ended(launch(run_folder, *command, "--trainer.max_steps", str(step + 1)))
    assert code == 0
    assert [each for each, _ in logged(run_folder, "train/loss")] == list(range(step + 1))


@pytest.mark.slow
def test_ranks_that_lightning_starts_end_with_their_first(run_folder, launch):
    process = launch(run_folder, sys.executable, "-m", "lightning_compose", *TWO_RANKS, *LONG)
    signal_when_training(run_folder, signal.SIGTERM, rank=1)
    code, output = ended(process)
    assert code == 143, output
    assert f"Interrupted at step {last_checkpoint(run_folder)['global_step']};" in output


def test_torchrun_starts_preempted_ranks_again_where_they_were(run_folder, launch):
    torchrun = (sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2")
    process = launch(
        run_folder, *torchrun, "--max_restarts", "1", "-m", "lightning_compose", *TWO_RANKS, "--trainer.max_steps", "40"
    )
    signal_when_training(run_folder, signal.SIGTERM, rank=1)
    code, output = ended(process)
    assert code == 0, output
    assert "Going on from run/checkpoints/last.ckpt" in output
    assert [each for each, _ in logged(run_folder, "train/loss")] == list(range(40))
