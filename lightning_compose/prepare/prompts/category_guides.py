"""What the prompts of each category are about, with templates and examples of each of its stages.

The first template of color is EvoGen's (arXiv 2410.16719, section 3); the others and the examples are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

Example = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Guide:
    """Args: `templates` = forms of a prompt, `examples` = prompts, each with its negative."""

    templates: tuple[str, ...]
    examples: tuple[Example, ...]


SUBJECTS: dict[str, str] = {
    "color": "the colors of objects: common names of colors on things that come in any color",
    "shape": "the shapes of objects: round, square, oval, triangular, heart-shaped, tall, thin...",
    "texture": "what objects are made of or covered with: wooden, metal, glass, fluffy, knitted, striped...",
    "counting": "how many there are of each kind of object: numbers from one to six, written as words",
    "spatial": "where objects are relative to each other: left of, right of, above, below, behind, inside...",
    "non-spatial": "what living things do, or do to each other: actions, gestures, looks, what they wear or hold",
    "scene": "the place, weather, season or time of day in which objects are",
    "complex": "several objects whose colors, shapes, textures, numbers, actions and places are told together",
}

GUIDES: dict[tuple[str, str], Guide] = {
    ("single", "color"): Guide(
        ("A {color} {object}.",),
        (("A yellow umbrella.", "A purple umbrella."), ("A green suitcase on a bench.", "A red suitcase on a bench.")),
    ),
    ("single", "shape"): Guide(
        ("A {shape} {object}.",),
        (("A round mirror on a wall.", "A square mirror on a wall."), ("A tall vase.", "A short vase.")),
    ),
    ("single", "texture"): Guide(
        ("A {texture} {object}.",),
        (("A wooden chair.", "A metal chair."), ("A striped sofa in a room.", "A plain sofa in a room.")),
    ),
    ("single", "counting"): Guide(
        ("{number} {objects}.", "{number} {objects} {place}."),
        (("Three apples on a plate.", "Five apples on a plate."), ("Two kites in the sky.", "Four kites in the sky.")),
    ),
    ("single", "non-spatial"): Guide(
        ("A {person or animal} is {action}.",),
        (("A man is walking.", "A man is eating."), ("A cat is sleeping on a sofa.", "A cat is jumping on a sofa.")),
    ),
    ("single", "scene"): Guide(
        ("A {object} {place}.", "A {object} {weather, season or time of day}."),
        (("A horse on a beach.", "A horse in a forest."), ("A cabin in summer.", "A cabin in deep snow.")),
    ),
    ("composition", "color"): Guide(
        ("A {color} {object} and a {color} {object}.",),
        (
            ("A red apple and a green cup.", "A green apple and a red cup."),
            ("A black dog beside a white bicycle.", "A white dog beside a black bicycle."),
        ),
    ),
    ("composition", "shape"): Guide(
        ("A {shape} {object} and a {shape} {object}.",),
        (
            ("A round table and a square lamp.", "A square table and a round lamp."),
            ("A tall bottle next to a short candle.", "A short bottle next to a tall candle."),
        ),
    ),
    ("composition", "texture"): Guide(
        ("A {texture} {object} and a {texture} {object}.",),
        (
            ("A wooden bench and a metal bucket.", "A metal bench and a wooden bucket."),
            ("A fluffy pillow on a leather sofa.", "A leather pillow on a fluffy sofa."),
        ),
    ),
    ("composition", "counting"): Guide(
        ("{number} {objects} and {number} {objects}.",),
        (
            ("Two dogs and four cats.", "Four dogs and two cats."),
            ("Three spoons next to one bowl.", "One spoon next to three bowls."),
        ),
    ),
    ("composition", "spatial"): Guide(
        ("A {object} {relation} a {object}.",),
        (
            ("A lamp to the left of a sofa.", "A sofa to the left of a lamp."),
            ("A book under a hat.", "A hat under a book."),
        ),
    ),
    ("composition", "non-spatial"): Guide(
        ("A {person or animal} {action} a {person, animal or object}.",),
        (
            ("A woman chases a dog.", "A dog chases a woman."),
            ("A boy hands a flower to a girl.", "A girl hands a flower to a boy."),
        ),
    ),
    ("composition", "scene"): Guide(
        ("A {object} and a {object} {place}.", "A {object} {place} and a {object} {place}."),
        (
            ("A tent on the grass and a boat on the lake.", "A boat on the grass and a tent on the lake."),
            ("A piano and a bicycle in a desert.", "A piano and a bicycle in a flooded street."),
        ),
    ),
    ("complex", "color"): Guide(
        ("A {color} {object}, a {color} {object} and a {color} {object} {place}.",),
        (
            (
                "A blue kettle, a yellow teapot and a red jug on a white shelf.",
                "A blue kettle, a green teapot and a red jug on a white shelf.",
            ),
        ),
    ),
    ("complex", "shape"): Guide(
        ("A {shape} {object}, a {shape} {object} and a {shape} {object} {place}.",),
        (
            (
                "A round clock, a square window and a triangular flag above a long counter.",
                "A round clock, an oval window and a triangular flag above a long counter.",
            ),
        ),
    ),
    ("complex", "texture"): Guide(
        ("A {color} {texture} {object}, a {texture} {object} and a {texture} {object} {place}.",),
        (
            (
                "A gray knitted blanket, a wooden crate and a glass jar on a stone floor.",
                "A gray knitted blanket, a metal crate and a glass jar on a stone floor.",
            ),
        ),
    ),
    ("complex", "counting"): Guide(
        ("{number} {objects}, {number} {objects} and {number} {objects} {place}.",),
        (
            (
                "Two candles, three books and one vase with five tulips on a desk.",
                "Two candles, four books and one vase with five tulips on a desk.",
            ),
        ),
    ),
    ("complex", "spatial"): Guide(
        ("A {object} {relation} a {object}, with a {object} {relation} both.",),
        (
            (
                "A backpack to the right of a chair, with a lamp above both and a cat under the chair.",
                "A backpack to the right of a chair, with a lamp above both and a cat on the chair.",
            ),
        ),
    ),
    ("complex", "non-spatial"): Guide(
        ("A {person} {action} while a {person} {action} and a {animal} {action}.",),
        (
            (
                "An old man reads a newspaper while a girl in a raincoat feeds a duck and a dog sleeps beside them.",
                "An old man reads a newspaper while a girl in a raincoat holds a duck and a dog sleeps beside them.",
            ),
        ),
    ),
    ("complex", "scene"): Guide(
        ("A {object}, a {object} and a {object} {place} {weather or time of day}.",),
        (
            (
                "A fountain, two benches and a street lamp in an empty square on a rainy night.",
                "A fountain, two benches and a street lamp in an empty square on a sunny morning.",
            ),
        ),
    ),
    ("complex", "complex"): Guide(
        (
            "A {attribute} {object} {action or relation} a {attribute} {object}, {relation} a {attribute} {object}.",
            "{number} {attribute} {objects} {relation} a {attribute} {object} while a {person} {action}.",
        ),
        (
            (
                "A small brown dog with a red collar sits on a striped rug while two men in long coats drink tea.",
                "A small brown dog with a red collar sits on a striped rug while two men in short coats drink tea.",
            ),
            (
                "A tall glass vase with three white roses stands to the left of an open book on a round wooden table.",
                "A tall glass vase with three white roses stands to the right of an open book on a round wooden table.",
            ),
        ),
    ),
}
