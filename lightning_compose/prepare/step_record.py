"""What a step was begun with, so that it never goes on with something else."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lightning_compose.data.durable import replaced
from lightning_compose.prepare.decoding import decode
from lightning_compose.prepare.engine.attempts import FOLDER as ATTEMPTS
from lightning_compose.prepare.local_files import by_identity, file_identities
from lightning_compose.prepare.models.endpoint import CONNECTION
from lightning_compose.prepare.rows import Row, to_line

NAME = "settings.json"
# A server may move, or need more patience, in the middle of a step.
MAY_CHANGE = re.compile(rf"init_args\.endpoint\.({'|'.join(CONNECTION)})$")


@dataclass(frozen=True)
class StepRecord:
    """What a step was begun with.

    Args:
        settings: All that what it writes depends on.
        rows: How many rows it reads; it writes as many.
        rows_sha256: Of their lines.
        files: What identifies the files and the weights that the settings name, by their paths.
    """

    settings: dict[str, Any]
    rows: int
    rows_sha256: str
    files: dict[str, str] = field(default_factory=dict)


def record(folder: Path, settings: Mapping[str, Any], rows: Sequence[Row]) -> None:
    """Write down what a step is begun with, or compare it with what the step was begun with.

    How a model's server is reached may change: `CONNECTION`, in its `endpoint`; and where a file or a folder of weights
    lies, if it is the same under the same name. As long as the step has made nothing, all may.

    Raises:
        ValueError: When they differ; it names the keys.
    """
    # As it will be read: tuples are lists there.
    plain = json.loads(json.dumps(settings))
    now = StepRecord(plain, len(rows), _sha256(rows), file_identities(plain))
    before = read_record(folder)
    if before is None or _nothing_made(folder):
        with replaced(folder / NAME) as file:
            file.write(json.dumps(asdict(now), indent=2, sort_keys=True, ensure_ascii=False).encode())
        return
    _require_same(folder, before, now)


def read_record(folder: Path) -> StepRecord | None:
    """Return what a step was begun with; None = it is not."""
    file = folder / NAME
    return decode(StepRecord, file.read_text(encoding="utf-8")) if file.is_file() else None


def _nothing_made(folder: Path) -> bool:
    return {each.name for each in folder.iterdir()} <= {NAME, ATTEMPTS}


def _require_same(folder: Path, before: StepRecord, now: StepRecord) -> None:
    old, new = _fixed(before.settings), _fixed(now.settings)
    changed = [
        key
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
        and by_identity(old.get(key), before.files) != by_identity(new.get(key), now.files)
    ]
    if changed:
        told = ", ".join(f"{key} {new.get(key)!r} instead of {old.get(key)!r}" for key in changed)
        raise ValueError(
            f"Expected the step {folder.name} to go on with the settings that it was begun with, got {told}. Set them "
            f"back, take another workspace, or remove '{folder}' and the folders of the steps after it."
        )
    if before.rows_sha256 != now.rows_sha256:
        raise ValueError(
            f"Expected the step {folder.name} to go on with the {before.rows} rows that it was begun with, got "
            f"{now.rows} others. Take another workspace, or remove '{folder}' and the folders of the steps after it."
        )


def _fixed(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in _flat(settings) if not MAY_CHANGE.search(key)}


def _flat(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from _flat(each, f"{prefix}.{key}" if prefix else key)
    else:
        yield prefix, value


def _sha256(rows: Sequence[Row]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(to_line(row).encode())
    return digest.hexdigest()
