"""Content: of what is named, and changed by what decides alone."""

import os

import pytest

from lightning_compose.study.content import content_of


@pytest.fixture
def config(tmp_path):
    for name in ("model/unet", "shards", "cache"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("prompts.jsonl", "model/model_index.json", "shards/index.json", "elsewhere", "cache/x.json"):
        (tmp_path / name).write_text(name)
    (tmp_path / "model/unet/weights.safetensors").symlink_to(tmp_path / "elsewhere")
    return {
        "model": {"backbone": {"init_args": {"pretrained": f"{tmp_path}/model"}}, "lr": 0.1},
        "data": {"root": f"{tmp_path}/shards", "test_root": "s3://none", "cache": f"{tmp_path}/cache"},
        "evaluation": {"prompts": f"{tmp_path}/prompts.jsonl", "clip": None},
    }


MODEL = "model.backbone.init_args.pretrained"


def test_is_of_files_sets_and_models_that_are_there(config):
    assert set(content_of(config)) == {MODEL, "data.root", "evaluation.prompts"}


@pytest.mark.parametrize(
    ("file", "key"),
    [
        ("prompts.jsonl", "evaluation.prompts"),
        ("elsewhere", MODEL),
        ("model/model_index.json", MODEL),
        ("model/merges.txt", MODEL),
        ("shards/index.json", "data.root"),
        ("cache/x.json", None),
        ("model/README.md", None),
        ("model/.download.json", None),
    ],
)
def test_changes_with_what_decides(config, tmp_path, file, key):
    before = content_of(config)
    (tmp_path / file).write_text("something else")
    after = content_of(config)
    assert {each for each in before if before[each] != after[each]} == ({key} if key else set())


def test_a_model_of_linked_folders_is_that_model(config, tmp_path):
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked/unet").symlink_to(tmp_path / "model/unet")
    os.link(tmp_path / "model/model_index.json", tmp_path / "linked/model_index.json")
    linked = {"pretrained": f"{tmp_path}/linked"}
    assert content_of(linked)["pretrained"] == content_of(config)[MODEL]
