"""Rows of scores, made without images."""

from lightning_compose.evaluation.scores import Score


def scored(category: str, correct: bool, prompt: str, split: str = "seen", found: int = 2, seed: int = 0) -> Score:
    """A row of a prompt with two objects; five of multigen."""
    objects = 5 if category == "multigen" else 2
    return Score(0, category, split, "single", seed, prompt, correct, found, objects, 1, 1, "A ring? yes")
