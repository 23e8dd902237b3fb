"""`images`: a tiny folder as COCO's becomes shards with nouns and masks. Ray's part is in place of Ray."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from made_prompts import content, workspace_of
from PIL import Image

from lightning_compose.cli.config_files import merge, read_config
from lightning_compose.data.masks import decode_mask
from lightning_compose.data.shards import ShardSet
from lightning_compose.prepare import captioned
from lightning_compose.prepare.engine.blocks import cut, make
from lightning_compose.prepare.masks import step as masks_step
from lightning_compose.prepare.pack import read_results
from lightning_compose.prepare.settings import read_settings
from lightning_compose.prepare.steps import run_all
from lightning_compose.prepare.workspace import Workspace

CONFIG = Path(__file__).parents[2] / "configs/prepare/tokencompose-coco.yaml"
CAPTIONS = {
    "red.jpg": ["Something.", "A red cup beside a woman.", "Red."],
    "sub/tall.png": ["A ring, and a cup on a ring."],
    "turned.jpg": ["A cup."],
    "none.jpg": [],
    "broken.jpg": ["A cup."],
    "missing.jpg": ["A cup."],
    "vector.svg": ["A cup."],
    "folder.jpg": ["A cup."],
}


def jpeg(orientation=1):
    """An image of 12 x 8 px, as the camera was held."""
    exif = Image.Exif()
    exif[274] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", (12, 8), "red").save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def run_here(rows, worker, worker_arguments, step_folder, engine, unit):
    for block in cut(rows, engine.block_rows):
        make(block, worker(**worker_arguments), step_folder)


@pytest.fixture
def coco(tmp_path, monkeypatch):
    """A folder with COCO's layout, as working directory."""
    for module in (captioned, masks_step):
        monkeypatch.setattr(module, "run_blocks", run_here)
    folder = tmp_path / "coco/train2017"
    (folder / "sub").mkdir(parents=True)
    (folder / "folder.jpg").mkdir()
    (folder / "red.jpg").write_bytes(jpeg())
    (folder / "turned.jpg").write_bytes(jpeg(orientation=6))
    (folder / "broken.jpg").write_bytes(jpeg()[:200])
    (folder / "vector.svg").write_text("<svg/>")
    (folder / "none.jpg").write_bytes(jpeg())
    Image.new("L", (6, 10), 90).save(folder / "sub/tall.png")
    images = [{"id": index, "file_name": name} for index, name in enumerate(CAPTIONS)]
    annotations = [
        {"image_id": index, "caption": each} for index, captions in enumerate(CAPTIONS.values()) for each in captions
    ]
    (tmp_path / "coco/annotations").mkdir()
    file = tmp_path / "coco/annotations/captions_train2017.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations}))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def settings_of(**images):
    """The config's, with models that need no weights, and all images."""
    config = read_config(CONFIG)
    config["images"]["scorer"] = {"class_path": "made_masks.LongestCaption"}
    config["masks"]["nouns"] = {"class_path": "made_masks.ListedNouns"}
    config["masks"]["segmenter"] = {"class_path": "made_masks.NamedSegmenter"}
    return read_settings(merge(config, {"images": {"count": None, **images}}))


def packed(workspace):
    shards = ShardSet(workspace.shards)
    samples = [shards.read(row) for row in range(len(shards))]
    return {sample.annotation.source["writer"]["file"]: sample for sample in samples}


def test_captioned_images_become_samples_with_masks(coco):
    workspace = Workspace(coco / "w")
    run_all(settings_of(), workspace)
    samples = packed(workspace)
    assert set(samples) == {"red.jpg", "sub/tall.png", "turned.jpg"}
    red = samples["red.jpg"]
    assert red.annotation.caption == "A red cup beside a woman."
    assert red.annotation.scores == {"score/longest": 25.0}
    assert (red.annotation.stage, red.annotation.category, red.negative) == ("complex", "other", None)
    assert red.annotation.source["writer"]["captions"] == CAPTIONS["red.jpg"]
    assert red.annotation.source["writer"]["model"] == "captions_train2017.json"
    cup, woman = red.annotation.nouns
    assert decode_mask(red.annotation.masks[cup.mask]).all()
    assert woman.mask is None
    ring, _ = samples["sub/tall.png"].annotation.nouns
    assert ring.spans == ((2, 6), (23, 27))
    assert np.flatnonzero(decode_mask(samples["sub/tall.png"].annotation.masks[ring.mask]).any(axis=0)).tolist() == [
        0,
        5,
    ]


def test_files_are_kept_as_they_are_and_masks_lie_on_what_their_reader_sees(coco):
    workspace = Workspace(coco / "w")
    run_all(settings_of(), workspace)
    turned = packed(workspace)["turned.jpg"]
    assert (turned.positive.suffix, turned.positive.data) == ("jpg", jpeg(orientation=6))
    assert turned.annotation.masks[0].size == (12, 8)


def test_what_cannot_be_taken_has_its_reason(coco):
    workspace = Workspace(coco / "w")
    captioned.images(settings_of(), workspace)
    reasons = {each.prompt.source["file"]: each.verified.reason for each in read_results(workspace)}
    assert reasons == {
        "red.jpg": None,
        "sub/tall.png": None,
        "turned.jpg": None,
        "none.jpg": "no_caption",
        "broken.jpg": "bad_image",
        "missing.jpg": "no_image",
        "vector.svg": "bad_image",
        "folder.jpg": "no_image",
    }


def test_the_seed_draws_as_many_as_are_asked_for(coco):
    workspace = Workspace(coco / "w")
    captioned.images(settings_of(count=3), workspace)
    assert len(workspace.prompts()) == 3


def test_it_goes_on_and_writes_the_same(coco):
    workspace = Workspace(coco / "w")
    captioned.images(settings_of(), workspace)
    before = content(workspace.root)
    workspace.prompts_file.unlink()
    captioned.images(settings_of(), workspace)
    assert content(workspace.root) == before
    with pytest.raises(ValueError, match="category 'scene' instead of 'other'"):
        captioned.images(settings_of(category="scene"), workspace)


def test_prompts_of_another_kind_are_left_alone(coco):
    workspace = workspace_of(coco / "w", ["a"])
    with pytest.raises(ValueError, match="a workspace without prompts for captioned images"):
        captioned.images(settings_of(), workspace)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ({"folder": "nowhere"}, "to be a folder of images, got 'nowhere'"),
        ({"stage": "first"}, "`stage` to be one of"),
        ({"category": "colour"}, "`category` to be one of"),
        ({"count": 0}, "`count` to be at least 1"),
    ],
)
def test_refuses(coco, images, message):
    with pytest.raises(ValueError, match=message):
        captioned.images(settings_of(**images), Workspace(coco / "w"))


def test_the_config_names_the_papers_models_and_takes_no_prompts():
    config = read_config(CONFIG)
    settings = read_settings(config)
    assert settings.images.count == 4526
    assert settings.pack.without_negative
    lines = [line for line in CONFIG.read_text().splitlines() if ": " in line and not line.startswith("#")]
    assert not [line for line in lines if "#" not in line and "class_path" not in line]
    with pytest.raises(ValueError, match=r"Expected either `images` or .* got `images` and \['candidates'\]"):
        read_settings({**config, "candidates": {"painter": {"class_path": "made_prompts.PlainPainter"}}})
