"""`verify` and `negatives` as steps: what each reads of those before it. Ray's part is in place of Ray."""

import pytest
from prepared_cases import questions_of

from lightning_compose.prepare.candidates import CandidatesWorker
from lightning_compose.prepare.engine.blocks import cut, make
from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.negatives import step as negatives_step
from lightning_compose.prepare.negatives.settings import NegativesSettings
from lightning_compose.prepare.rows import NegativesRow, PromptRow, VerifiedRow, to_line
from lightning_compose.prepare.settings import CandidatesSettings, Settings
from lightning_compose.prepare.verify import step as verify_step
from lightning_compose.prepare.verify.settings import VerifySettings
from lightning_compose.prepare.workspace import Workspace

CAPTIONS = {"a/..": "A red ring", "b": "A blue ring", "c": "A black ring"}
SETTINGS = Settings(
    candidates=CandidatesSettings(ModelSettings("prepared_cases.SeedPainter"), per_prompt=12),
    verify=VerifySettings(
        ModelSettings("prepared_cases.ColorAnswerer"), ModelSettings("prepared_cases.BrightnessScorer")
    ),
    negatives=NegativesSettings(ModelSettings("prepared_cases.PixelEmbedder"), per_positive=6),
)


def run_here(rows, worker, worker_arguments, step_folder, engine, unit):
    for block in cut(rows, engine.block_rows):
        make(block, worker(**worker_arguments), step_folder)


@pytest.fixture
def workspace(tmp_path, monkeypatch):
    for step in (verify_step, negatives_step):
        monkeypatch.setattr(step, "run_blocks", run_here)
    workspace = Workspace(tmp_path)
    prompts = [
        PromptRow(key, caption, "A green ring", "color", "single", "writer", 0, questions_of(caption))
        for key, caption in CAPTIONS.items()
    ]
    workspace.prompts_file.write_text("".join(map(to_line, prompts)))
    folder = workspace.begin("candidates", {}, prompts)
    arguments = {"settings": SETTINGS.candidates, "seed": 0}
    run_here(prompts, CandidatesWorker, arguments, folder, SETTINGS.engine, "prompt")
    return workspace


def test_positives_go_on_to_the_negatives_with_the_models_of_the_steps_before(workspace):
    verify_step.verify(SETTINGS, workspace)
    verified = workspace.rows("verify", VerifiedRow)
    assert [(row.key, row.reason) for row in verified] == [("a/..", None), ("b", None), ("c", "no_success")]
    negatives_step.negatives(SETTINGS, workspace)
    found = workspace.rows("negatives", NegativesRow)
    assert [row.key for row in found] == ["a/..", "b"]
    assert found[0].models == {"answerer": "eye", "embedder": "pixels", "painter": "seeds"}
    assert all(workspace.image(each.image).is_file() for row in found for each in row.candidates)


def test_a_prompt_that_came_later_is_refused(workspace):
    late = PromptRow("d", "A red ring", "A green ring", "color", "single", "writer", 0)
    workspace.prompts_file.write_text(workspace.prompts_file.read_text() + to_line(late))
    with pytest.raises(ValueError, match="every prompt to have candidates, got 'd' without"):
        verify_step.verify(SETTINGS, workspace)


def test_negatives_need_a_painter_of_their_own_or_that_of_the_candidates(workspace):
    verify_step.verify(SETTINGS, workspace)
    with pytest.raises(ValueError, match="section `candidates`"):
        negatives_step.negatives(Settings(verify=SETTINGS.verify, negatives=SETTINGS.negatives), workspace)
