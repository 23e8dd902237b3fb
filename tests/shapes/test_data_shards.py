"""The committed shards are what their command writes."""

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import features

from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import CATEGORIES, STAGES
from lightning_compose.data.shards import ShardSet
from lightning_compose.shapes.generate import KEY_PREFIXES, generate
from lightning_compose.shapes.holdout import ATTRIBUTES, PAIRS
from lightning_compose.shapes.pairs import ROUND
from lightning_compose.shapes.palette import COLORS, SHAPES, TEXTURES
from lightning_compose.shapes.questions import answer
from lightning_compose.shapes.scenes import Scene

ROOT = Path(__file__).parents[2] / "data_shards"
FOLDERS = {"train": "shapes", "held_out": "shapes-held-out"}
LIBWEBP = "1.6.0"  # wrote the committed images; another version may encode the same pixels otherwise
HELD_OUT = set(ATTRIBUTES.items()) | PAIRS
TEXTURE_NOUNS = {"stripes": "striped", "dots": "dotted", "checks": "checkered"}
ATTRIBUTE = "|".join((*COLORS, *TEXTURES))
MENTION = re.compile(
    rf"((?:\b(?:{ATTRIBUTE}) )*)\b({'|'.join(SHAPES)})s?\b"
    rf"(?: (?:is|are) ({ATTRIBUTE})\b)?(?: with ({'|'.join(TEXTURE_NOUNS)})\b)?"
)


@pytest.fixture(scope="module")
def annotations():
    """All annotations of the committed sets, by split."""
    sets = {split: ShardSet(ROOT / folder) for split, folder in FOLDERS.items()}
    return {split: [shards.read(row).annotation for row in range(len(shards))] for split, shards in sets.items()}


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


def test_no_scene_of_training_shows_what_is_held_out(annotations):
    scenes = [annotation.source[side] for annotation in annotations["train"] for side in ("positive", "negative")]
    assert len(scenes) == 2 * 1008
    assert not [scene for scene in scenes if in_scene(scene) & HELD_OUT]


def test_no_text_of_training_names_what_is_held_out(annotations):
    texts = [text for annotation in annotations["train"] for text in (annotation.caption, annotation.negative_caption)]
    assert not [text for text in texts if in_text(text) & HELD_OUT]


def test_every_positive_and_caption_of_the_held_out_set_has_a_held_out_composition(annotations):
    # The two tests above could not fail if the scenes and texts were misread.
    for annotation in annotations["held_out"]:
        assert in_text(annotation.caption) & in_scene(annotation.source["positive"]) & HELD_OUT


def test_texts_say_nothing_that_the_scenes_do_not_show(annotations):
    for annotation in annotations["train"] + annotations["held_out"]:
        assert in_text(annotation.caption) <= in_scene(annotation.source["positive"])
        assert in_text(annotation.negative_caption) <= in_scene(annotation.source["negative"])


def test_captions_in_both_sets_are_those_that_the_card_counts(annotations):
    captions, negatives = (
        {split: {getattr(each, field) for each in annotations[split]} for split in FOLDERS}
        for field in ("caption", "negative_caption")
    )
    assert not captions["held_out"] & (captions["train"] | negatives["train"])
    shared = len(negatives["held_out"] & captions["train"]), len(negatives["held_out"] & negatives["train"])
    assert f"{shared[0]} is also a caption of the train split and {shared[1]} are" in card()


@pytest.mark.parametrize("split", FOLDERS)
def test_every_pair_has_a_question_that_only_the_positive_answers_rightly(annotations, split):
    for annotation in annotations[split]:
        positive, negative = (Scene.from_dict(annotation.source[side]) for side in ("positive", "negative"))
        assert all(answer(positive, each) == each.answer for each in annotation.questions)
        right = [answer(negative, each) == each.answer for each in annotation.questions]
        # Asked in order, it makes sense on the negative too: what it depends on is there.
        assert any(
            not right[each.id] and all(right[parent] for parent in each.depends_on) for each in annotation.questions
        )


def card():
    return " ".join((ROOT / "README.md").read_text().split())


def in_scene(scene):
    """Return the compositions of a scene: (attribute, shape) and pairs of shapes."""
    objects = scene["objects"]
    traits = {(each[name], each["shape"]) for each in objects for name in ("color", "texture")}
    return traits | company(each["shape"] for each in objects)


def in_text(text):
    """Return the compositions of a caption by reading it, whatever wrote it; its shapes may be in a relation or not."""
    mentions = MENTION.findall(text.lower())
    traits = {
        (TEXTURE_NOUNS.get(word, word), shape)
        for before, shape, predicate, texture in mentions
        for word in (*before.split(), predicate, texture)
        if word
    }
    return traits | company(shape for _, shape, _, _ in mentions)


def company(shapes):
    return set(map(frozenset, combinations(sorted(set(shapes)), 2)))
