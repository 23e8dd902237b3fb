"""Pack: shards of the chosen pairs, the same after a kill, and a count of what was left out."""

import json
import shutil
from pathlib import Path

import pytest
from made_prompts import content, prompt_row
from PIL import Image

from lightning_compose.data.cache.reader import FeatureCache
from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import Question
from lightning_compose.data.shards import ShardSet
from lightning_compose.prepare.features_settings import FeaturesSettings
from lightning_compose.prepare.pack import pack
from lightning_compose.prepare.rows import Judged, NegativeJudged, NegativesRow, VerifiedRow, to_line
from lightning_compose.prepare.settings import PackSettings, Settings
from lightning_compose.prepare.workspace import Workspace

ROOT = Path(__file__).parents[2]
QUESTION = Question(0, "Is there a cup?", "yes", "entity", ("cup",))
SETTINGS = Settings()
CHOICES = [("../a", 1, None), ("b", 0, None), ("c", None, "not_aligned"), ("d", 0, None)]


def picture(workspace, name, shade):
    file = workspace.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), (shade, 0, 0)).save(file, "WEBP", lossless=True)
    return name


def judged(workspace, key, number):
    image = picture(workspace, f"candidates/images/{key.strip('./')}-{number}.webp", number)
    return Judged(image, 100 + number, ("yes",), 1.0, True, 0.25)


def verified(workspace, key, chosen, reason=None):
    models = {"answerer": "oracle", "scorer": "clip"}
    candidates = tuple(judged(workspace, key, number) for number in range(2))
    return VerifiedRow(key, f"a caption of {key}", (QUESTION,), candidates, chosen, False, reason, models)


def negatives(workspace, key, chosen, reason=None):
    image = picture(workspace, f"negatives/images/{key.strip('./')}.webp", 99)
    candidates = (NegativeJudged(image, 7, ("no",), True, 0.75),)
    return NegativesRow(key, f"no {key}", candidates, chosen, "generated", reason, {"embedder": "clip"})


def write(workspace, step, rows):
    folder = workspace.begin(step, {}, rows)
    (folder / "blocks").mkdir()
    (folder / "blocks/000000.jsonl").write_text("".join(map(to_line, rows)))


@pytest.fixture
def workspace(tmp_path):
    """A pair, one without a negative, one without a positive, and a pair of another stage."""
    workspace = Workspace(tmp_path / "w")
    workspace.root.mkdir()
    prompts = [prompt_row("../a"), prompt_row("b"), prompt_row("c"), prompt_row("d", stage="complex")]
    workspace.prompts_file.write_text("".join(map(to_line, prompts)))
    write(workspace, "verify", [verified(workspace, key, choice, reason) for key, choice, reason in CHOICES])
    none = negatives(workspace, "b", None, "none_violates")
    write(workspace, "negatives", [negatives(workspace, "../a", 0), none, negatives(workspace, "d", 0)])
    return workspace


def packed(workspace):
    """The samples by the keys of their prompts."""
    shards = ShardSet(workspace.shards)
    samples = [shards.read(row) for row in range(len(shards))]
    return {sample.annotation.source["key"]: sample for sample in samples}


def counts(workspace):
    return json.loads((workspace.folder("pack") / "counts.json").read_text())


def test_a_sample_is_the_chosen_pair_and_says_where_it_is_from(workspace):
    pack(SETTINGS, workspace)
    samples = packed(workspace)
    assert set(samples) == {"../a", "d"}
    sample = samples["../a"]
    assert sample.key.isdecimal()
    annotation = sample.annotation
    assert (annotation.caption, annotation.negative_caption) == ("a caption of ../a", "no ../a")
    assert annotation.questions == (QUESTION,)
    assert annotation.scores == {"alignment/oracle": 1.0, "score/clip": 0.25, "similarity/clip": 0.75}
    assert annotation.source["positive"]["seed"] == 101
    assert annotation.source["negative"]["seed"] == 7
    assert decode_image(sample.positive)[0, 0, 0] == 1
    assert decode_image(sample.negative)[0, 0, 0] == 99
    assert samples["d"].annotation.stage == "complex"


def test_what_is_left_out_is_counted(workspace):
    pack(SETTINGS, workspace)
    assert counts(workspace) == {
        "packed": {"single/color": 1, "complex/color": 1},
        "left_out": {"none_violates": 1, "not_aligned": 1},
    }


def test_positives_alone_go_in_where_they_are_enough(workspace):
    pack(Settings(pack=PackSettings(without_negative=True)), workspace)
    samples = packed(workspace)
    assert set(samples) == {"../a", "b", "d"}
    assert samples["b"].negative is None
    assert samples["b"].annotation.negative_caption is None


def test_nobody_looked_for_negatives(workspace):
    shutil.rmtree(workspace.folder("negatives"))
    with pytest.raises(ValueError, match=r"at least one pair to pack, got none; left out: .*'no_negative': 3"):
        pack(SETTINGS, workspace)


def test_packing_again_changes_nothing_and_other_settings_are_refused(workspace):
    pack(SETTINGS, workspace)
    before = content(workspace.shards)
    pack(SETTINGS, workspace)
    assert content(workspace.shards) == before
    with pytest.raises(ValueError, match="samples_per_shard 7 instead of 1000"):
        pack(Settings(pack=PackSettings(samples_per_shard=7)), workspace)


def test_killed_before_the_index_it_writes_the_same_bytes(workspace):
    pack(SETTINGS, workspace)
    whole = content(workspace.shards)
    (workspace.shards / "index.json").unlink()
    (workspace.shards / ".writing-x").mkdir()
    pack(SETTINGS, workspace)
    assert content(workspace.shards) == whole


def test_killed_before_the_counts_it_may_be_packed_otherwise(workspace):
    pack(Settings(pack=PackSettings(without_negative=True)), workspace)
    (workspace.folder("pack") / "counts.json").unlink()
    pack(SETTINGS, workspace)
    assert set(packed(workspace)) == {"../a", "d"}


def test_a_prompt_that_came_later_is_refused(workspace):
    with workspace.prompts_file.open("a") as file:
        file.write(to_line(prompt_row("e")))
    with pytest.raises(ValueError, match=r"Expected every prompt to be verified, got \['e'\]"):
        pack(SETTINGS, workspace)


def test_features_are_cached_on_request_and_again_for_other_shards(workspace):
    pack(SETTINGS, workspace)
    assert not workspace.features.exists()
    features = FeaturesSettings((str(ROOT / "configs/shapes.yaml"),))
    asked = Settings(pack=PackSettings(features=features))
    pack(asked, workspace)
    kept = content(workspace.features)
    assert len(FeatureCache(workspace.features)) == len(ShardSet(workspace.shards))
    pack(asked, workspace)
    assert content(workspace.features) == kept
    shutil.rmtree(workspace.folder("pack"))
    pack(Settings(pack=PackSettings(without_negative=True, features=features)), workspace)
    assert content(workspace.features) != kept
