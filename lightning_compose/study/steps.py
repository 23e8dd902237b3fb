"""How many optimizer steps a config trains, so that all arms train equally many."""

from __future__ import annotations

from typing import Any

from lightning_compose.cli.config_files import Config, merge


def steps_of(config: Config) -> int:
    """Return ``trainer.max_steps``, and where that is left out the sum of the curriculum's stages.

    Raises:
        ValueError: When neither says a number of steps, or the stages are longer than `max_steps`.
    """
    max_steps = (config.get("trainer") or {}).get("max_steps", -1)
    stages = _stages(config)
    total = sum(_length(name, stage) for name, stage in stages.items())
    if stages and max_steps not in (-1, total):
        raise ValueError(
            f"Expected the stages of a curriculum to sum to `trainer.max_steps`, got {total} and {max_steps}. "
            "Set the `steps` of the stages, or leave `max_steps` out."
        )
    steps = total if stages else max_steps
    if steps < 1:
        raise ValueError(
            f"Expected `trainer.max_steps` or a curriculum in what all runs have in common, got {max_steps} steps."
        )
    return steps


def with_steps(config: Config, steps: int, arm: str) -> Config:
    """Return an arm's config that trains so many steps, without a curriculum, too.

    Raises:
        ValueError: When its own curriculum or `max_steps` says another number.
    """
    found = steps_of(config) if _stages(config) else (config.get("trainer") or {}).get("max_steps", -1)
    if found not in (-1, steps):
        raise ValueError(
            f"Expected the arm {arm!r} to train {steps} steps as all do, got {found}. Give its stages that sum, and "
            "set `trainer.max_steps` under `settings` or not at all."
        )
    return merge(config, {"trainer": {"max_steps": steps}})


def require_evaluations(config: Config) -> None:
    """Check that runs evaluate, and at their last step, too.

    Raises:
        ValueError: When they do not.
    """
    evaluation, trainer = config.get("evaluation") or {}, config.get("trainer") or {}
    if not evaluation.get("validate") or evaluation.get("prompts") is None:
        raise ValueError(
            "Expected `settings` to set `evaluation.validate` to true and `evaluation.prompts` to a file, got "
            f"{evaluation.get('validate')} and {evaluation.get('prompts')}: the tables are made of evaluations."
        )
    steps, interval = steps_of(config), trainer.get("val_check_interval")
    if type(interval) is not int or steps % interval:
        raise ValueError(
            f"Expected `trainer.val_check_interval` to divide the {steps} steps of a run, got {interval}: the last "
            "step is to be evaluated."
        )


def _stages(config: Config) -> dict[str, Any]:
    stages = (config.get("curriculum") or {}).get("stages") or {}
    return {name: stage for name, stage in stages.items() if stage is not None}


def _length(name: str, stage: Any) -> int:
    steps = stage.get("steps") if isinstance(stage, dict) else None
    if type(steps) is not int:
        raise ValueError(
            f"Expected `curriculum.stages.{name}` to have a number of `steps`, got {steps}: `passes` would make the "
            "length of a run depend on the data, and arms are compared at equal steps."
        )
    return steps
