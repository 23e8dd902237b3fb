"""A workspace with every kind of outcome, for what is written of it: a report, a card."""

import json

from made_prompts import prompt_row
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.truth import Truth
from lightning_compose.prepare.pack import pack
from lightning_compose.prepare.prompts.selection import Rejected
from lightning_compose.prepare.rows import CandidatesRow, Judged, NegativeJudged, NegativesRow, VerifiedRow, to_line
from lightning_compose.prepare.settings import Settings
from lightning_compose.prepare.workspace import Workspace

RED, BLUE = (220, 20, 20), (20, 20, 220)
QUESTIONS = (
    Question(0, "Is there a <ring>?", "yes", "entity", ("ring",)),
    Question(1, "Is the ring red?", "yes", "attribute", ("ring", "red"), (0,)),
)
OWN_QUESTIONS = (QUESTIONS[0], Question(1, "Is the ring blue?", "yes", "attribute", ("ring", "blue"), (0,)))
RIGHT, WRONG, UNSEEN = ("yes", "yes"), ("yes", "no"), ("no", "")
JUDGE = {"answerer": "judge", "scorer": "clip"}
WRITING = {"drafted": 9, "writer": {"calls": 3, "retried": 1}}
STAGES = {"corrected": "complex"}


class RedTruth(Truth):
    """Whether an image is red."""

    name = "red"

    def shows(self, images, questions):
        return [image.getpixel((0, 0))[0] > 128 for image in images]


def made_workspace(root) -> Workspace:
    """Write all steps' rows.

    The judge accepts: of `pair` the red image though the score prefers the blue; of `tricked` a blue one; of
    `corrected` a red one for another caption. `failed` has none, nobody asked about `silent`, `alone` has no negative.
    """
    root.mkdir(parents=True, exist_ok=True)
    workspace = Workspace(root)
    verified = [
        judged(workspace, "pair", [(RED, RIGHT, 0.2), (BLUE, WRONG, 0.3)], 0),
        judged(workspace, "tricked", [(BLUE, RIGHT, 0.4), (RED, WRONG, 0.1)], 0),
        judged(workspace, "alone", [(RED, RIGHT, 0.2)], 0),
        judged(workspace, "corrected", [(RED, RIGHT, 0.2)], 0, rewritten=True),
        judged(workspace, "failed", [(BLUE, UNSEEN, 0.2), (BLUE, WRONG, 0.1)], None, "no_success"),
        VerifiedRow("silent", "a silent prompt", (), (), None, False, "no_questions", JUDGE),
    ]
    prompts = [prompt_row(row.key, stage=STAGES.get(row.key, "single")) for row in verified]
    workspace.prompts_file.write_text("".join(map(to_line, prompts)))
    write(workspace, "candidates", [drawn(row) for row in verified], {"seed": 5})
    write(workspace, "verify", verified, {})
    write(workspace, "negatives", [
        opposed(workspace, "pair", [(BLUE, WRONG, 0.5), (RED, RIGHT, 0.9)], 0),
        opposed(workspace, "tricked", [(RED, WRONG, 0.5)], 0),
        opposed(workspace, "corrected", [(BLUE, WRONG, 0.5)], 0, "edited"),
        opposed(workspace, "alone", [(RED, RIGHT, 0.5)], None, own_questions=OWN_QUESTIONS),
    ], {"seed": 5})  # fmt: skip
    write_drafts(workspace)
    return workspace


def packed_workspace(root, settings=None) -> Workspace:
    workspace = made_workspace(root)
    pack(settings or Settings(), workspace)
    return workspace


def picture(workspace, name, color):
    file = workspace.root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), color).save(file, "WEBP", lossless=True)
    return name


def judged(workspace, key, seen, chosen, reason=None, rewritten=False):
    candidates = tuple(
        Judged(
            picture(workspace, f"candidates/images/{key}-{number}.webp", color),
            number,
            answers,
            answers.count("yes") / 2,
            answers == RIGHT,
            score,
        )
        for number, (color, answers, score) in enumerate(seen)
    )
    return VerifiedRow(key, f"a red ring <{key}>", QUESTIONS, candidates, chosen, rewritten, reason, JUDGE)


def drawn(row):
    return CandidatesRow(row.key, tuple(each.image for each in row.candidates), (), "painter|s")


def opposed(workspace, key, seen, chosen, method="generated", own_questions=()):
    candidates = tuple(
        NegativeJudged(
            picture(workspace, f"negatives/images/{key}-{number}.webp", color),
            number,
            answers,
            answers != RIGHT,
            similarity,
            own_answers=WRONG if own_questions else (),
        )
        for number, (color, answers, similarity) in enumerate(seen)
    )
    reason = "no_violation" if chosen is None else None
    return NegativesRow(
        key, f"a blue ring {key}", candidates, chosen, method, reason, {"embedder": "clip"}, own_questions
    )


def write(workspace, step, rows, settings):
    folder = workspace.begin(step, settings, rows)
    (folder / "blocks").mkdir()
    (folder / "blocks/000000.jsonl").write_text("".join(map(to_line, sorted(rows, key=lambda row: row.key))))


def write_drafts(workspace):
    rejected = Rejected("0", "a ring", "no ring", "color", "single", "near_duplicate", "the ring", 0.9)
    (workspace.folder("prompts")).mkdir()
    (workspace.folder("prompts") / "rejected.jsonl").write_text(to_line(rejected))
    (workspace.root / "prompts.json").write_text(json.dumps(WRITING))
