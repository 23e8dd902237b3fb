"""Candidates: seeded by key and number, the same after a kill, under names that no key decides."""

import dataclasses

import pytest
from made_prompts import PAINTER, prompt_row, workspace_of

from lightning_compose.prepare.candidates import CandidatesWorker, candidates
from lightning_compose.prepare.engine.blocks import BlockImages, cut
from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.settings import CandidatesSettings, Settings
from lightning_compose.prepare.workspace import Workspace

SECTION = CandidatesSettings(ModelSettings(**PAINTER), per_prompt=3)


def block_of(tmp_path, *keys):
    rows = [prompt_row(key) for key in keys]
    (block,) = cut(rows, len(rows))
    return CandidatesWorker(SECTION, seed=0).block(block.rows, BlockImages(tmp_path / "candidates", block))


def test_a_row_has_its_images_and_their_seeds(tmp_path):
    first, second = block_of(tmp_path, "a", "b")
    assert first.images == tuple(f"candidates/images/000000/0000-0{number}.webp" for number in range(3))
    assert second.images[2] == "candidates/images/000000/0001-02.webp"
    assert all((tmp_path / path).is_file() for path in first.images + second.images)
    assert len({*first.seeds, *second.seeds}) == 6
    assert first.model == "plain"


def test_seeds_do_not_depend_on_other_rows(tmp_path):
    (alone,) = block_of(tmp_path / "alone", "b")
    assert alone.seeds == block_of(tmp_path, "a", "b")[1].seeds


def test_a_key_never_becomes_a_path(tmp_path):
    rows = block_of(tmp_path / "w", "../../outside", "/etc/x", "a/b")
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert len(files) == 9
    assert all(file.is_relative_to(tmp_path / "w/candidates/images/000000") for file in files)
    assert {row.key for row in rows} == {"../../outside", "/etc/x", "a/b"}


def test_without_prompts_or_a_section_nothing_is_drawn(tmp_path):
    settings = Settings(candidates=SECTION)
    with pytest.raises(FileNotFoundError, match="Run the step prompts"):
        candidates(settings, Workspace(tmp_path / "empty"))
    with pytest.raises(ValueError, match="Expected a section `candidates` in the config"):
        candidates(dataclasses.replace(settings, candidates=None), workspace_of(tmp_path / "w", "ab"))
