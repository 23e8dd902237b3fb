"""Two processes evaluate as one does: the same images, the same table, the same metrics."""

import json

import evaluation_lives
import numpy as np
import pytest
from PIL import Image
from ranks import alone, started
from tiny_clip import save_tiny_clip

from lightning_compose.evaluation.prompts import write_prompts
from lightning_compose.evaluation.scores import read_scores
from lightning_compose.shapes.benchmark import draw_prompts


@pytest.fixture
def evaluated(tmp_path, tiny_pipeline):
    """Folders of an evaluation by one process and by two."""
    # Odd numbers: one rank has fewer prompts, and half as many held-out ones.
    write_prompts(draw_prompts(3)[:-1], tmp_path / "prompts.jsonl")
    clip = save_tiny_clip(tmp_path / "clip")
    folders = []
    for devices, environment in ((1, {"environment": alone}), (2, {})):
        folder = tmp_path / str(devices)
        folder.mkdir()
        given = (folder, tiny_pipeline, tmp_path / "prompts.jsonl", clip, devices)
        with started(evaluation_lives.testing, *given, world_size=devices, **environment) as ranks:
            assert ranks.exit_codes() == [0] * devices
        folders.append(folder)
    return folders


def test_two_processes_equal_one(evaluated):
    one, two = evaluated
    scores = [read_scores(folder / "evaluation/000000/scores.csv") for folder in evaluated]
    assert scores[0] == scores[1]
    assert [each.index for each in scores[1]] == list(range(53))
    for score in scores[0]:
        images = [np.asarray(Image.open(folder / "evaluation/000000" / score.file)) for folder in evaluated]
        assert np.array_equal(*images)
    logged = [json.loads((folder / "logged.json").read_text()) for folder in (one, two)]
    assert logged[1] == pytest.approx(logged[0], rel=1e-4)
    assert {"test/accuracy/mean", "test/mg2/held_out", "test/object_accuracy", "test/clip_score", "test/kid"} <= set(
        logged[0]
    )
    # Not all alike: else ranks that keep to themselves would pass, too.
    assert 0 < logged[0]["test/accuracy/mean"] < 1
