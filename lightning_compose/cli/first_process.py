"""Which process of a run may touch its folder before a Trainer can tell."""

from __future__ import annotations

import os

# By torchrun, by Lightning for the processes that it starts, by srun, by jsrun: the first that is set holds.
RANK_VARIABLES = ("RANK", "LOCAL_RANK", "SLURM_PROCID", "JSM_NAMESPACE_RANK")


def is_first_process() -> bool:
    """Return whether this is rank 0 of all nodes, by what its launcher says."""
    rank = next((os.environ[name] for name in RANK_VARIABLES if name in os.environ), "0")
    # Processes that Lightning starts know their rank on their own node only.
    return rank == "0" and os.environ.get("NODE_RANK", "0") == "0"
