"""What a config will cost: calls, images, disk and GPU hours, computed from it and its section `cost`."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.evaluation.table import markdown
from lightning_compose.prepare.cost_settings import CostSettings
from lightning_compose.prepare.planned_work import SERVED, Work, planned_work
from lightning_compose.prepare.settings import Settings, require_section

SECONDS_PER_HOUR = 3600
MEGABYTES_PER_GIGABYTE = 1000
HEADER = ("step", "role", "model", "how often", "what", "GPU seconds each", "GPU hours")


def cost_table(settings: Settings) -> str:
    """Return the estimate as a table in Markdown, with its sums below.

    Raises:
        ValueError: When the section `cost` or `prompts` is missing, or seconds are stated for no model of the config,
            or for one of its models none.
    """
    cost = settings.cost
    if cost is None:
        raise ValueError(
            "Expected a section `cost` in the config, got none. Set it: see configs/prepare/conpair.yaml for one."
        )
    prompts = require_section("prompts", settings.prompts)
    work = planned_work(settings, prompts, cost)
    _require_seconds(work, cost)
    rows = [_row(each, cost) for each in work]
    return "\n\n".join([markdown([HEADER, *rows]), _sums(work, cost, sum(prompts.cells.values()))])


def gpu_hours(work: Work, cost: CostSettings) -> float:
    """Return the hours of one GPU that a model takes."""
    return work.count * _seconds(work, cost) / SECONDS_PER_HOUR


def _sums(work: Sequence[Work], cost: CostSettings, prompts: int) -> str:
    calls = sum(each.count for each in work if each.is_served)
    images = sum(each.count for each in work if each.draws)
    gigabytes = images * cost.megabytes_per_image / MEGABYTES_PER_GIGABYTE
    hours = sum(gpu_hours(each, cost) for each in work)
    return (
        f"{prompts:,} prompts: {calls:,.0f} calls to servers, {images:,.0f} images on {gigabytes:,.0f} GB, "
        f"{hours:,.0f} GPU hours."
    )


def _row(work: Work, cost: CostSettings) -> tuple[str, ...]:
    seconds, hours = _seconds(work, cost), gpu_hours(work, cost)
    what = f"calls, of {work.unit}" if work.is_served and work.unit != "calls" else work.unit
    return work.step, work.role, _name(work), f"{work.count:,.0f}", what, f"{seconds:g}", f"{hours:,.1f}"


def _seconds(work: Work, cost: CostSettings) -> float:
    return cost.gpu_seconds.get(work.step, {}).get(work.role, 0.0)


def _name(work: Work) -> str:
    arguments = work.model.init_args
    served = arguments.get(SERVED)
    model = served.get("model") if isinstance(served, dict) else None
    return str(model or arguments.get("name") or arguments.get("pretrained") or work.model.class_path.split(".")[-1])


def _require_seconds(work: Sequence[Work], cost: CostSettings) -> None:
    stated = {(step, role) for step, roles in cost.gpu_seconds.items() for role in roles}
    wanted = {(each.step, each.role) for each in work if not each.is_served}
    known = {(each.step, each.role) for each in work}
    for step, role in sorted(wanted - stated):
        raise ValueError(
            f"Expected `cost.gpu_seconds.{step}.{role}`, got none. Measure what your model takes, or set 0 if it runs "
            "on no GPU."
        )
    for step, role in sorted(stated - known):
        raise ValueError(
            f"Expected `cost.gpu_seconds` to be of models that the config has, got {step}.{role}. Remove it, or name "
            f"the model. There are: {sorted('.'.join(each) for each in known)}."
        )
