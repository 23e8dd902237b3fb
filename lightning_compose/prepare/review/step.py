"""The step `review`: a page for annotators, or tasks for Label Studio; then how far they agree."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from lightning_compose.data.durable import replaced
from lightning_compose.prepare.pack import read_results
from lightning_compose.prepare.review.agreement import agreement, summary
from lightning_compose.prepare.review.annotations import take_annotations
from lightning_compose.prepare.review.ballots import read_ballots
from lightning_compose.prepare.review.label_studio import write_tasks
from lightning_compose.prepare.review.left_out import FOLDER, VOTES
from lightning_compose.prepare.review.options import ReviewOptions
from lightning_compose.prepare.review.pairs import Pair, pairs
from lightning_compose.prepare.review.queue import Queues
from lightning_compose.prepare.rows import MasksRow
from lightning_compose.prepare.settings import Settings
from lightning_compose.prepare.workspace import Workspace

AGREEMENT, TASKS = "agreement.json", "label_studio"


def review(settings: Settings, workspace: Workspace, options: ReviewOptions) -> None:
    """Have the pairs looked at that `pack` would take; ``review/agreement.json`` says how far annotators agree.

    Args:
        settings: With the seed, and whether a positive is enough.
        workspace: With the results of `verify` and `negatives`.
        options: What is done, and where the page is.

    Raises:
        ValueError: When a step before is not done, or there is no pair.
    """
    shown = _pairs(settings, workspace)
    folder = workspace.folder(FOLDER)
    if options.write_tasks:
        print(f"Wrote {write_tasks(shown, folder / TASKS, settings.seed)} tasks into {folder / TASKS}")
        return
    if options.read_annotations is not None:
        new, old = take_annotations(options.read_annotations, shown, folder / VOTES)
        print(f"Took {new} new votes; {old} are about pairs that are there no more")
    elif not options.agreement:
        _serve(Queues(shown, folder / VOTES, settings.seed), options)
    _tell(shown, folder)


def _pairs(settings: Settings, workspace: Workspace) -> list[Pair]:
    nouns = {row.key: row for row in workspace.finished_rows("masks", MasksRow)}
    results = [replace(each, masks=nouns.get(each.key)) for each in read_results(workspace)]
    found = pairs(results, settings.pack.without_negative, workspace)
    if not found:
        raise ValueError(f"Expected pairs to look at in '{workspace.root}', got none. `pack` says why.")
    return found


def _serve(queues: Queues, options: ReviewOptions) -> None:
    # Gradio takes seconds to import: what needs no page does without.
    from lightning_compose.prepare.review.page import open_page

    page, address = open_page(queues, options.host, options.port)
    print(f"The pairs are at {address}; Ctrl-C ends. Every vote is on the disk at once.", flush=True)
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        print()
    finally:
        page.close(verbose=False)


def _tell(shown: Sequence[Pair], folder: Path) -> None:
    found = agreement(read_ballots(folder / VOTES, shown), shown)
    folder.mkdir(parents=True, exist_ok=True)
    with replaced(folder / AGREEMENT) as file:
        file.write(json.dumps(found, indent=2, ensure_ascii=False).encode())
    print(summary(found))
