"""The page: of a whole workspace, of a part of it, and of nothing."""

import html
import re
import shutil
import subprocess
import sys

import pytest
from made_prompts import workspace_of
from made_report import RED, made_workspace, packed_workspace, picture, write

from lightning_compose.prepare.model_settings import ModelSettings
from lightning_compose.prepare.pack import pack, read_results
from lightning_compose.prepare.report.settings import ReportSettings
from lightning_compose.prepare.report.step import report
from lightning_compose.prepare.review.pairs import pairs
from lightning_compose.prepare.review.votes import Vote, append
from lightning_compose.prepare.rows import Judged, MaskedNoun, MasksRow, VerifiedRow
from lightning_compose.prepare.settings import PackSettings, Settings
from lightning_compose.prepare.workspace import Workspace

WITH_TRUTH = Settings(report=ReportSettings(truth=ModelSettings("made_report.RedTruth")))


def written(workspace, settings=WITH_TRUTH):
    report(settings, workspace)
    return (workspace.root / "report.html").read_text()


def told(page):
    """Its text, without tags."""
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", page)))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return packed_workspace(tmp_path_factory.mktemp("w") / "w")


@pytest.fixture(scope="module")
def page(workspace):
    return written(workspace)


def test_the_funnel_is_told(page):
    text = told(page)
    assert "drafts of the writer 9" in text
    assert "prompts 6 near_duplicate 1" in text
    assert "prompts with a positive 4 no_success 1, no_questions 1" in text
    assert "positives with a negative 3 no_violation 1" in text
    assert "samples packed 3" in text
    assert "complex color 1 1 1 1 1" in text


def test_the_choices_are_held_against_the_truth(page):
    text = told(page)
    # Of `pair`, `tricked` and `alone`: the judge is right in the first and the last, the score in the last alone.
    assert "positives by judge and score 2 of 3 (66.7%)" in text
    assert "the same prompts by the score alone 1 of 3 (33.3%)" in text
    assert "positives of corrected captions 1 of 1" in text
    assert "negatives by judge and similarity 2 of 3" in text
    assert "the same candidates by similarity alone 1 of 3" in text
    assert "The judge's answers are worth having" in text
    assert "whose positive is the score's choice, too 2" in text


def test_every_reason_has_its_example_with_wrong_answers_in_red(page):
    parts = dict(re.findall(r"<h2>Left out: (\w+) \(1\)</h2>(.*?)(?=<h2>)", page, re.DOTALL))
    assert set(parts) == {"no_success", "no_questions", "no_violation"}
    failed = parts["no_success"]
    assert failed.count("data:image/webp") == 1
    # The image with most right answers, not the one with the best score.
    assert 'Is the ring red? <span class="wrong">no</span>, expected yes' in failed
    assert "not asked" not in failed
    assert parts["no_violation"].count("data:image/webp") == 2
    of_positive, of_own = parts["no_violation"].split("For its own caption:")
    assert "wrong" not in of_positive
    assert 'Is the ring blue? <span class="wrong">no</span>, expected yes' in of_own
    assert "a silent prompt" in parts["no_questions"]
    assert "near_duplicate a ring no ring the ring" in told(page)


def test_pairs_are_shown_stage_by_stage(page):
    text = told(page)
    assert "Pairs of stage single (2 of 2)" in text
    assert "Pairs of stage complex (1 of 1)" in text
    assert "stage composition" not in text


def test_it_is_one_file_and_texts_of_others_stay_texts(page):
    sources = re.findall(r'(?:src|href)="([^"]*)"', page)
    assert sources
    assert all(source.startswith("data:image/") for source in sources)
    assert "<ring>" not in page
    assert "<pair>" not in page
    assert "a red ring <pair>" in told(page)


def test_the_same_rows_make_the_same_page(workspace, page, tmp_path):
    assert written(workspace) == page
    assert written(packed_workspace(tmp_path / "other")) == page
    assert not list(workspace.root.glob(".report*"))


def test_without_the_truth_choices_are_compared_with_each_other(workspace):
    text = told(written(workspace, Settings()))
    assert "whose choice is better shows the eye" in text
    assert "positives by judge" not in text


def test_few_examples_are_as_many_as_asked_for(workspace):
    none = Settings(report=ReportSettings(examples=0, pairs_per_stage=1))
    text = told(written(workspace, none))
    assert "Pairs of stage single (1 of 2)" in text
    assert "Is there" not in text
    assert "no_success (1)" in text


def test_nothing_is_there_yet(tmp_path):
    text = told(written(Workspace(tmp_path / "new")))
    for told_of in ("There are no prompts", "step candidates was not run", "step pack was not run to its end"):
        assert told_of in text


def test_a_part_of_a_workspace_says_what_is_missing(tmp_path):
    workspace = made_workspace(tmp_path / "w")
    shutil.rmtree(workspace.folder("negatives"))
    block = workspace.folder("verify") / "blocks/000000.jsonl"
    block.write_text("".join(block.read_text().splitlines(keepends=True)[:4]))
    text = told(written(workspace))
    assert "The step verify is not done: 4 of 6 rows." in text
    assert "The step negatives was not run." in text
    assert "No pairs are packed yet." in text
    # Their negatives may still come.
    assert "no_negative" not in text


def test_captioned_images_have_no_prompts_to_draw_and_no_judge(tmp_path):
    workspace = workspace_of(tmp_path / "w", ["photograph"])
    image = picture(workspace, "verify/images/0.webp", RED)
    kept = Judged(image, 0, (), 1.0, True, 0.5)
    row = VerifiedRow("photograph", "a ring", (), (kept,), 0, False, None, {"scorer": "clip"})
    write(workspace, "verify", [row], {"step": "images"})
    noun = MaskedNoun("ring", ((2, 6),), (), None, (), ())
    write(workspace, "masks", [MasksRow("photograph", (noun,), "no_mask", {"nouns": "parser"})], {})
    without_negative = Settings(pack=PackSettings(without_negative=True))
    pack(without_negative, workspace)
    text = told(written(workspace, without_negative))
    assert "was not run" not in text
    assert text.count("No candidates are judged yet.") == 2
    assert "nouns looked for 1" in text
    assert "nouns parser" in text
    assert "Pairs of stage single (1 of 1)" in text


def test_what_people_rejected_is_shown(tmp_path):
    workspace = made_workspace(tmp_path / "w")
    (pair,) = (each for each in pairs(read_results(workspace), False, workspace) if each.key == "tricked")
    append(workspace.folder("review") / "votes", [Vote(pair.key, pair.identity, "anna", "no", "positive")])
    pack(Settings(), workspace)
    text = told(written(workspace))
    assert "samples packed 2 rejected_in_review 1" in text
    assert "Left out: rejected_in_review (1) positive for: a blue ring tricked a red ring <tricked>" in text


def test_what_a_kill_left_of_shards_is_not_shown(tmp_path):
    workspace = packed_workspace(tmp_path / "w")
    (workspace.shards / "index.json").unlink()
    assert "No pairs are packed yet." in told(written(workspace))


def test_writing_it_leaves_torch_and_ray_alone(workspace):
    code = (
        "import sys; from pathlib import Path; from lightning_compose.prepare.report.step import report;"
        "from lightning_compose.prepare.settings import Settings; from lightning_compose.prepare.workspace import"
        " Workspace; report(Settings(), Workspace(Path(sys.argv[1]))); print({'torch', 'ray'} & {*sys.modules})"
    )
    command = [sys.executable, "-c", code, str(workspace.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "set()"
