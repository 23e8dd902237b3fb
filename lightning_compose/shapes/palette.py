"""The world's vocabulary: colours, textures, shapes and backgrounds, and the names they have in a caption.

The colours are at least 35 apart in CIELAB, from each other and from every background, so that a program can name them.
"""

from __future__ import annotations

RGB = tuple[int, int, int]

COLORS: dict[str, RGB] = {
    "red": (214, 32, 40),
    "orange": (250, 130, 10),
    "yellow": (255, 222, 20),
    "green": (20, 140, 50),
    "blue": (30, 70, 225),
    "purple": (128, 30, 150),
    "pink": (250, 105, 180),
    "turquoise": (20, 205, 205),
}

_CREAM: RGB = (255, 252, 245)
_CHARCOAL: RGB = (45, 38, 45)
# The second colour of a texture. Cream on yellow is too faint to see.
ACCENTS: dict[str, RGB] = {color: _CHARCOAL if color == "yellow" else _CREAM for color in COLORS}

PLAIN = "plain"
TEXTURES = (PLAIN, "striped", "dotted", "checkered")

SHAPES = ("circle", "square", "triangle", "heart", "ring", "five-pointed star", "crescent moon", "plus sign")

# How a caption says where the objects are.
BACKGROUNDS: dict[str, str] = {
    "sandy beach": "on a sandy beach",
    "night sky": "in a night sky",
    "meadow": "in a meadow",
    "wooden table": "on a wooden table",
    "snowy field": "in a snowy field",
    "stone floor": "on a stone floor",
}
