"""What rows and shards call weights that have no name of their own."""

from __future__ import annotations

import os
from pathlib import Path


def weights_name(pretrained: str, name: str | None) -> str:
    """Return the name, or else the hub id, or the name of the local folder: never a path of this machine.

    Args:
        pretrained: Folder, file or hub id.
        name: As a config gives it.

    >>> weights_name("org/model", None)
    'org/model'
    """
    if name is not None:
        return name
    return Path(os.path.abspath(pretrained)).name if os.path.exists(pretrained) else pretrained
