"""What an editor is told."""

import pytest

from lightning_compose.prepare.negatives.instructions import edit_instruction


@pytest.mark.parametrize(
    ("caption", "negative", "instruction"),
    [
        ("A red ring.", "A blue ring.", "change red ring to blue ring"),
        ("A ring and a dotted heart", "A striped ring and a dotted heart", "change ring to striped ring"),
        (
            "A red ring and a blue heart.",
            "A blue ring and a red heart.",
            "change red ring to blue ring and change blue heart to red heart",
        ),
        ("The ring is red", "The ring is blue", "change red to blue"),
        ("A ring", "A ring in a meadow", "turn it into A ring in a meadow"),
    ],
)
def test_only_what_differs_is_named(caption, negative, instruction):
    assert edit_instruction(caption, negative) == instruction
