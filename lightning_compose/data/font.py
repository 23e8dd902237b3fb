"""The font of all pictures: Pillow's own has no letter beyond ASCII, and draws a box for each."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from PIL import ImageFont


def load_font(size_px: int) -> ImageFont.FreeTypeFont:
    """Load DejaVu Sans, which ships with matplotlib: Latin, Greek and Cyrillic letters among others.

    Args:
        size_px: Height of a line of text, about.
    """
    # Found, not imported: matplotlib takes a second that no command needs to wait for.
    spec = find_spec("matplotlib")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("Expected matplotlib, whose font draws the captions, got none. Install it.")
    return ImageFont.truetype(Path(spec.origin).parent / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf", size_px)
