"""A workspace with a few prompts and a painter of plain images, for tests of `prepare`."""

import time
from pathlib import Path

from PIL import Image

from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.rows import PromptRow, to_line
from lightning_compose.prepare.workspace import Workspace


class PlainPainter(Painter):
    """Images of one color, which is the seed's.

    Args:
        slow_while: It takes its time while this file is there.
        refuses: The prompt that it cannot draw.
    """

    name = "plain"

    def __init__(self, slow_while: str = "", refuses: str = "") -> None:
        self._slow_while, self._refuses = slow_while, refuses

    def paint(self, prompts, seeds):
        if self._refuses in prompts:
            raise ValueError(f"Expected a prompt that can be drawn, got {self._refuses!r}.")
        return [self._image(seed) for seed in seeds]

    def _image(self, seed):
        if self._slow_while and Path(self._slow_while).exists():
            time.sleep(0.1)
        return Image.new("RGB", (8, 8), (seed % 256, seed // 256 % 256, seed // 65536 % 256))


PAINTER = {"class_path": "made_prompts.PlainPainter"}


def prompt_row(key: str, **changes) -> PromptRow:
    fields = {"prompt": f"a picture of {key}", "negative_prompt": f"a picture of no {key}"}
    fields |= {"category": "color", "stage": "single", "model": "hand", "seed": 0}
    return PromptRow(**{"key": key, **fields, **changes})


def workspace_of(folder: Path, keys) -> Workspace:
    folder.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(folder)
    workspace.prompts_file.write_text("".join(to_line(prompt_row(key)) for key in keys))
    return workspace


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder."""
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
