"""The step `masks` and what of it reaches a shard. Ray's part is in place of Ray."""

import dataclasses

import made_masks
import numpy as np
import pytest
from made_prompts import content, prompt_row
from PIL import Image

from lightning_compose.data.masks import decode_mask
from lightning_compose.data.noun_masks import noun_masks
from lightning_compose.data.schema import SampleError
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Transform
from lightning_compose.prepare.engine.blocks import cut, make
from lightning_compose.prepare.masks import step
from lightning_compose.prepare.masks.settings import MasksSettings
from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.models.segmenter import Found
from lightning_compose.prepare.pack import pack
from lightning_compose.prepare.rows import Judged, MasksRow, VerifiedRow, to_line
from lightning_compose.prepare.settings import EngineSettings, PackSettings, Settings
from lightning_compose.prepare.workspace import Workspace

NOUNS, SEGMENTER = ModelSettings("made_masks.ListedNouns"), ModelSettings("made_masks.NamedSegmenter")
SETTINGS = Settings(
    engine=EngineSettings(block_rows=2),
    masks=MasksSettings(NOUNS, SEGMENTER),
    pack=PackSettings(without_negative=True),
)
CAPTIONS = {
    "../../a": "A cup beside a ring",
    "b": "A woman and a ring, and another Ring",
    "c": "A woman alone",
    "d": "Nothing at all",
    "e": "Left out",
}


def run_here(rows, worker, worker_arguments, step_folder, engine, unit):
    for block in cut(rows, engine.block_rows):
        make(block, worker(**worker_arguments), step_folder)


def verified(workspace, number, key, caption):
    image = f"candidates/images/{number}.webp"
    file = workspace.root / image
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (6, 4), (number, 0, 0)).save(file, "WEBP", lossless=True)
    kept = key != "e"
    candidates = (Judged(image, 0, (), 1.0, kept, 0.5),)
    models = {"answerer": "eye", "scorer": "clip"}
    return VerifiedRow(key, caption, (), candidates, 0 if kept else None, False, None if kept else "no_success", models)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    monkeypatch.setattr(step, "run_blocks", run_here)
    workspace = Workspace(tmp_path / "deep/er/w")
    workspace.root.mkdir(parents=True)
    prompts = [prompt_row(key, prompt=caption) for key, caption in CAPTIONS.items()]
    workspace.prompts_file.write_text("".join(map(to_line, prompts)))
    rows = [verified(workspace, number, *each) for number, each in enumerate(CAPTIONS.items())]
    folder = workspace.begin("verify", {}, prompts)
    (folder / "blocks").mkdir()
    (folder / "blocks/000000.jsonl").write_text("".join(map(to_line, rows)))
    return workspace


def found(workspace):
    return {row.key: row for row in workspace.rows("masks", MasksRow)}


def packed(workspace):
    shards = ShardSet(workspace.shards)
    return {sample.annotation.source["key"]: sample for sample in map(shards.read, range(len(shards)))}


def test_every_pair_that_would_be_packed_has_a_row(workspace):
    step.masks(SETTINGS, workspace)
    rows = found(workspace)
    assert {key: row.reason for key, row in rows.items()} == {
        "../../a": None,
        "b": None,
        "c": "no_mask",
        "d": "no_noun",
    }
    assert rows["b"].models == {"nouns": "listed", "segmenter": "named"}


def test_a_noun_that_is_not_found_is_null(workspace):
    step.masks(SETTINGS, workspace)
    woman, _ = found(workspace)["b"].nouns
    assert (woman.text, woman.mask, woman.boxes, woman.scores) == ("woman", None, (), ())
    pack(SETTINGS, workspace)
    (noun,) = packed(workspace)["c"].annotation.nouns
    assert (noun.text, noun.mask) == ("woman", None)


def test_two_phrases_of_one_noun_have_one_mask_of_all_boxes(workspace):
    step.masks(SETTINGS, workspace)
    _, ring = found(workspace)["b"].nouns
    assert (ring.text, ring.spans) == ("ring", ((14, 18), (32, 36)))
    assert (len(ring.boxes), ring.scores) == (2, (0.5, 0.25))
    assert decode_mask(ring.mask).any(axis=0).tolist() == [True, False, False, False, False, True]


def test_an_all_true_mask_comes_out_of_the_shard_as_it_was(workspace):
    step.masks(SETTINGS, workspace)
    pack(SETTINGS, workspace)
    annotation = packed(workspace)["../../a"].annotation
    cup, _ = annotation.nouns
    assert annotation.masks[cup.mask].size == (4, 6)
    assert decode_mask(annotation.masks[cup.mask]).all()
    assert annotation.source["masks"] == {"models": {"nouns": "listed", "segmenter": "named"}}
    transform = Transform(4)
    read, unsupervised = noun_masks(annotation, (4, 6), transform, transform.place(0, ()), max_nouns=4)
    assert read.keys() == {0}
    assert read[0].all()
    assert unsupervised == {"vanished_in_crop": 1}  # of the ring only the edges are in its mask


def test_a_key_never_becomes_a_path(workspace):
    outside = workspace.root.parents[2]
    before = {path for path in content(outside) if not path.startswith("deep/er/w/masks/")}
    step.masks(SETTINGS, workspace)
    after = content(outside)
    assert {path for path in after if not path.startswith("deep/er/w/masks/")} == before
    written = {path for path in after if path.startswith("deep/er/w/masks/")}
    assert written == {f"deep/er/w/masks/{name}" for name in ("settings.json", *BLOCKS)}


BLOCKS = ("blocks/000000.jsonl", "blocks/000001.jsonl")


def test_what_is_done_is_not_done_again(workspace):
    step.masks(SETTINGS, workspace)
    before = content(workspace.root)
    step.masks(SETTINGS, workspace)
    assert content(workspace.root) == before
    other = MasksSettings(ModelSettings(NOUNS.class_path, {"words": ["cup"]}), SEGMENTER)
    with pytest.raises(ValueError, match=r"nouns\.init_args\.words"):
        step.masks(dataclasses.replace(SETTINGS, masks=other), workspace)


def test_pack_waits_for_the_masks_that_the_config_has(workspace):
    with pytest.raises(ValueError, match="Expected the step masks to be done"):
        pack(SETTINGS, workspace)
    pack(dataclasses.replace(SETTINGS, masks=None), workspace)
    assert packed(workspace)["../../a"].annotation.nouns == ()


def test_a_pair_that_was_not_looked_at_is_not_packed_without_its_nouns(workspace):
    folder = workspace.begin("masks", {}, [])
    (folder / "blocks").mkdir()
    with pytest.raises(ValueError, match=r"looked for, got \['../../a', 'b', 'c'\] for which they were not"):
        pack(SETTINGS, workspace)


def row_of(workspace, caption, nouns=NOUNS, segmenter=SEGMENTER):
    worker = step.MasksWorker(MasksSettings(nouns, segmenter), workspace.root)
    (row,) = worker.block([step.MasksInput("k", caption, (), "candidates/images/0.webp")], None)
    return row


def test_a_mask_without_a_pixel_is_none(workspace):
    (noun,) = row_of(workspace, "a hat", ModelSettings(NOUNS.class_path, {"words": ["hat"]})).nouns
    assert (noun.mask, len(noun.boxes)) == (None, 1)


def test_nouns_of_one_mask_share_it_in_the_shard(workspace, monkeypatch):
    everything = made_masks.NamedSegmenter._find
    monkeypatch.setattr(made_masks.NamedSegmenter, "_find", lambda self, image, phrase: everything(self, image, "cup"))
    step.masks(SETTINGS, workspace)
    pack(SETTINGS, workspace)
    annotation = packed(workspace)["../../a"].annotation
    assert [noun.mask for noun in annotation.nouns] == [0, 0]
    assert len(annotation.masks) == 1


def test_what_a_finder_or_a_segmenter_gets_wrong_is_told_at_once(workspace):
    with pytest.raises(SampleError, match="of the caption 'a cup' to read 'cup'"):
        row_of(workspace, "a cup", nouns=ModelSettings(NOUNS.class_path, {"shift": 1}))
    with pytest.raises(ValueError, match=r"mask of 'cup' to have its image's size, 4 x 6 .* got \[5, 6\]"):
        row_of(workspace, "a cup", segmenter=ModelSettings(SEGMENTER.class_path, {"margin_px": 1}))


def test_no_boxes_are_no_find():
    assert Found.union(np.zeros((0, 2, 2), dtype=np.bool_), [], []) is None


def test_settings_name_models_of_their_roles():
    with pytest.raises(ValueError, match=r"subclass of .*\.NounFinder, got"):
        MasksSettings(SEGMENTER, SEGMENTER)
    with pytest.raises(ValueError, match=r"subclass of .*\.Segmenter, got"):
        MasksSettings(NOUNS, NOUNS)
