"""Whether a checkpoint belongs to the model at hand, told before its weights are loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where a component came from and which version wrote it; what it is does not depend on them.
ORIGIN_KEYS = frozenset({"transformers_version", "dtype", "torch_dtype"})

Configs = Mapping[str, Mapping[str, Any]]


def require_same_components(saved: Configs, present: Configs) -> None:
    """Check that a checkpoint was written by a model of the same components.

    Args:
        saved: Each component's configuration, as `Backbone.component_configs` gave it to the checkpoint; empty where
            that is not known.
        present: That of the model at hand. Keys that only one side has are left out: libraries add some.

    Raises:
        ValueError: When they differ; names the first component and key.
    """
    if saved and set(saved) != set(present):
        raise ValueError(
            f"Expected a model of {sorted(saved)} as in the checkpoint, got one of {sorted(present)}. "
            "Give the config that the checkpoint was trained with."
        )
    for component, config in saved.items():
        for key in filter(_matters, config):
            if key in present[component] and present[component][key] != config[key]:
                raise ValueError(
                    f"Expected `{component}.{key}` to be {config[key]} as in the checkpoint, got "
                    f"{present[component][key]}. Give the config that the checkpoint was trained with."
                )


def _matters(key: str) -> bool:
    return not key.startswith("_") and key not in ORIGIN_KEYS


def require_same_seed(saved: int, seed: int) -> None:
    """Check that a run goes on with the module's seed of the checkpoint.

    Raises:
        ValueError: When it is another one.
    """
    if saved != seed:
        raise ValueError(
            f"Expected the module's `seed` to stay {saved}, as in the checkpoint, got {seed}: the noise would change "
            "in the middle of the run. Set it back, or start a new run."
        )
