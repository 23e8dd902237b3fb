"""The dataset card beside the shards: what is in them, how it was made, under which licences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import yaml

from lightning_compose.data.durable import replaced
from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.evaluation.table import markdown
from lightning_compose.prepare.card_settings import CardSettings
from lightning_compose.prepare.report.found import KINDS, Found, find
from lightning_compose.prepare.report.funnel import funnel, told_reasons
from lightning_compose.prepare.report.work_done import models, work_done
from lightning_compose.prepare.step_record import read_record
from lightning_compose.prepare.workspace import Workspace

NAME = "README.md"
NOT_STATED = "not stated"
# The hub's classes of size.
SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
LARGEST = "n>1M"


def write_card(settings: CardSettings, workspace: Workspace) -> None:
    """Write ``README.md`` beside the shards, anew: the same rows make the same bytes.

    Raises:
        ValueError: When nothing is packed yet.
    """
    found = find(workspace)
    if found.packed is None:
        raise ValueError(f"Expected shards in '{workspace.shards}', found none. Run the step pack first.")
    with replaced(workspace.shards / NAME) as file:
        file.write(card(settings, found, found.packed["packed"], _seeds(workspace)).encode())


def card(settings: CardSettings, found: Found, packed: Mapping[str, int], seeds: Mapping[str, int]) -> str:
    """Return the card.

    Args:
        settings: What no row knows.
        found: All that the steps have left.
        packed: Samples by ``stage/category``.
        seeds: By step.
    """
    front = yaml.safe_dump(_front_matter(settings, sum(packed.values())), sort_keys=False)
    parts = [
        f"---\n{front}---",
        f"# {settings.title}",
        "Images that match a caption, each beside one that is like it and does not match. Made by `prepare` of "
        "lightning_compose, which also reads it: `fit --data.root FOLDER`.",
        f"Licence of the set: {settings.licence or NOT_STATED}.",
        f"## Samples\n\n{markdown(_counts(packed))}",
        f"## From prompts to samples\n\n{markdown(_funnel(found))}",
        f"## Models\n\n{markdown(_models(settings, found))}",
        f"## Seeds\n\n{markdown([('step', 'seed'), *((step, str(seed)) for step, seed in seeds.items())])}",
        "The seed of each image, its models and its scores are in its sample, under `source` and `scores`.",
        f"## Cost\n\nCounted from the rows; time was not recorded.\n\n{markdown(_work(found))}",
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(settings: CardSettings, samples: int) -> dict[str, object]:
    licence = {"license": settings.licence} if settings.licence else {}
    return {
        "pretty_name": settings.title,
        **licence,
        "language": ["en"],
        "task_categories": ["text-to-image"],
        "tags": ["webdataset", "contrastive-pairs", "compositionality", "synthetic"],
        "size_categories": [next((name for least, name in SIZES if samples < least), LARGEST)],
    }


def _counts(packed: Mapping[str, int]) -> list[tuple[str, ...]]:
    stages = [each for each in STAGES if any(cell.startswith(f"{each}/") for cell in packed)]
    rows = [
        (category, *(str(count) for count in counts), str(sum(counts)))
        for category in CATEGORIES
        if any(counts := [packed.get(f"{stage}/{category}", 0) for stage in stages])
    ]
    sums = [sum(int(row[place]) for row in rows) for place in range(1, len(stages) + 2)]
    return [("category", *stages, "all"), *rows, ("all", *map(str, sums))]


def _funnel(found: Found) -> list[tuple[str, str, str]]:
    rows = [(each.what, str(each.count), told_reasons(each)) for each in funnel(found)]
    return [("", "left", "left out on the way"), *rows]


def _models(settings: CardSettings, found: Found) -> Sequence[tuple[str, str, str]]:
    rows = [
        (role, _cell(name), _cell(settings.licences.get(name, NOT_STATED)))
        for role, names in models(found).items()
        for name in names
    ]
    return [("role", "model", "licence"), *rows]


def _work(found: Found) -> list[tuple[str, str]]:
    return [("what was made", "how often"), *((what, f"{count:,}") for what, count in work_done(found).items())]


def _seeds(workspace: Workspace) -> dict[str, int]:
    records = {step: read_record(workspace.folder(step)) for step in ("prompts", *KINDS)}
    return {step: each.settings["seed"] for step, each in records.items() if each and "seed" in each.settings}


def _cell(text: str) -> str:
    # Names come from a config: a bar would end the cell.
    return text.replace("|", "\\|").replace("\n", " ")
