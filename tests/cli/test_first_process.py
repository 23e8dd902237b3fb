"""The first process is told by its launcher's variables, before there is a Trainer."""

import pytest

from lightning_compose.cli.first_process import RANK_VARIABLES, is_first_process


@pytest.mark.parametrize(
    ("variables", "is_first"),
    [
        ({}, True),
        ({"RANK": "0", "LOCAL_RANK": "0"}, True),
        ({"RANK": "2", "LOCAL_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "0"}, True),
        ({"LOCAL_RANK": "1", "NODE_RANK": "0"}, False),
        ({"LOCAL_RANK": "0", "NODE_RANK": "1"}, False),
        ({"SLURM_PROCID": "0"}, True),
        ({"SLURM_PROCID": "3", "SLURM_LOCALID": "0"}, False),
        # torchrun inside of a job: one task of srun for each node.
        ({"SLURM_PROCID": "1", "RANK": "8", "LOCAL_RANK": "0"}, False),
        ({"SLURM_PROCID": "0", "RANK": "1", "LOCAL_RANK": "1"}, False),
    ],
)
def test_one_process_of_all_is_first(monkeypatch, variables, is_first):
    for name in (*RANK_VARIABLES, "NODE_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_first_process() is is_first
