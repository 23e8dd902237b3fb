"""A study of two arms and two seeds whose runs are `study_standin`'s, and the command that runs it."""

import sys
from pathlib import Path

import yaml

from lightning_compose.cli.config_files import merge, read_config
from lightning_compose.study.settings import Study, read_study

STANDIN = (sys.executable, str(Path(__file__).with_name("study_standin.py")))
COMMON = {
    "model": {"lr": 0.1, "pretrained": "${here}/model"},
    "losses": {"token": {"class_path": "TokenLoss"}, "pixel": {"class_path": "PixelLoss"}},
    "curriculum": {"stages": {"one": {"steps": 2}, "two": {"steps": 4}}},
    "trainer": {"val_check_interval": 3},
}
STUDY = {
    "configs": ["${here}/common.yaml"],
    "settings": {"evaluation": {"prompts": "${here}/test.jsonl", "validate": True}},
    "seeds": [0, 1],
    "jobs": 2,
    "reference": "plain",
    "arms": {
        "plain": {"title": "Plain", "config": {"losses": None, "curriculum": None}},
        "token": {"title": "Token", "note": "ours", "config": {"losses": {"pixel": None}, "model": {"lr": 0.2}}},
    },
}
TUNING = {
    "arms": {"plain": {"tune": {"model.lr": [0.05, 0.1, 0.2]}}},
    "tuning": {
        "seed": 100,
        "settings": {"trainer": {"val_check_interval": 6}, "evaluation": {"prompts": "${here}/validation.jsonl"}},
        "metric": "val/accuracy/mean",
    },
}


def write_study(folder: Path, *changes: dict) -> Path:
    """Write the study's config, with changes laid over it, and the one under its runs; return the former."""
    folder.mkdir(parents=True, exist_ok=True)
    content = STUDY
    for each in changes:
        content = merge(content, each)
    (folder / "common.yaml").write_text(yaml.safe_dump(COMMON, sort_keys=False))
    (folder / "study.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return folder / "study.yaml"


def make_study(folder: Path, *changes: dict) -> Study:
    """Return it as the command reads it."""
    return read_study(read_config(write_study(folder, *changes)))
