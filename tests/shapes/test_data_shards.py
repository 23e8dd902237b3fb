"""The committed shards are what their command writes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import features

from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.data.shards import ShardSet
from lightning_compose.shapes.generate import KEY_PREFIXES, generate
from lightning_compose.shapes.pairs import ROUND

ROOT = Path(__file__).parents[2] / "data_shards"
FOLDERS = {"train": "shapes", "held_out": "shapes-held-out"}
LIBWEBP = "1.6.0"  # wrote the committed images; another version may encode the same pixels otherwise


@pytest.mark.parametrize("split", FOLDERS)
def test_a_slice_is_generated_again(split):
    shards = ShardSet(ROOT / FOLDERS[split])
    rows = {shards.key(row): row for row in range(len(shards))}
    start = len(shards) - 2 * len(ROUND)
    for sample in generate(0, split, range(start, start + 2 * len(ROUND))):
        committed = shards.read(rows[sample.key])
        assert committed.annotation.to_json() == sample.annotation.to_json()
        for image, made in ((committed.positive, sample.positive), (committed.negative, sample.negative)):
            assert np.array_equal(decode_image(image), decode_image(made))
            assert features.version("webp") != LIBWEBP or image == made


@pytest.mark.parametrize("split", FOLDERS)
def test_all_stages_and_categories_are_there(split):
    shards = ShardSet(ROOT / FOLDERS[split])
    found = {(STAGES[row["stage"]], CATEGORIES[row["category"]]) for row in shards.table}
    assert found == {(stage, category) for stage, category, _ in ROUND}
    assert all(shards.key(row).startswith(KEY_PREFIXES[split]) for row in range(len(shards)))


def test_no_caption_is_in_both_sets():
    train, held_out = (ShardSet(ROOT / folder).table["caption_hash"] for folder in FOLDERS.values())
    assert not set(train.tolist()) & set(held_out.tolist())
