"""How many prompts of each stage and category are written unless a config says otherwise.

15,400 in all and the eight categories are EvoGen's (arXiv 2410.16719). How it divides them is not published: that every
category gets the same number, and which stages have which category, is our default, not from the paper.
"""

from __future__ import annotations

Counts = dict[str, dict[str, int]]

PAPER_TOTAL = 15_400


def default_counts() -> Counts:
    """Return the prompts wanted by stage and category, 1,925 a category.

    >>> sum(sum(categories.values()) for categories in default_counts().values())
    15400
    """
    in_all_stages = ("color", "shape", "texture", "counting", "non-spatial", "scene")
    return {
        "single": dict.fromkeys(in_all_stages, 700),
        # One object has no place relative to another.
        "composition": {**dict.fromkeys(in_all_stages, 700), "spatial": 1_225},
        "complex": {**dict.fromkeys(in_all_stages, 525), "spatial": 700, "complex": 1_925},
    }
