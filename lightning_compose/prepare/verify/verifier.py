"""Deciding which candidate a prompt keeps, and correcting the prompts that no candidate shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import UNASKED, QuestionsError, in_order, right_answers
from lightning_compose.prepare.judging.choice import best_success, nearly_right
from lightning_compose.prepare.judging.panel import Candidates, Case, Panel
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.rows import VerifiedRow
from lightning_compose.prepare.verify.rewriting import keeps_description, same_description

NO_QUESTIONS, BAD_QUESTIONS, NO_SUCCESS = "no_questions", "bad_questions", "no_success"
UNCHANGED, LOST, UNCLEAR = "rewrite_unchanged", "rewrite_lost_description", "rewrite_without_questions"
REWRITE_FAILED = "rewrite_failed"

Failed = tuple[Case, Candidates]


@dataclass(frozen=True, slots=True)
class Verifier:
    """Decides which candidate is a caption's positive.

    Args:
        panel: Judges.
        questioner: Asks about prompts that have no questions, and about corrected captions; None = such fail.
        captioner: Corrects a prompt that no candidate shows, by the candidate that shows most of it; None = it fails.
    """

    panel: Panel
    questioner: Questioner | None = None
    captioner: Captioner | None = None

    def verify(self, cases: Sequence[Case]) -> list[VerifiedRow]:
        """Return a row a case, in their order."""
        cases = self._with_questions(cases)
        flaws = {case.key: flaw for case in cases if (flaw := _flaw(case.questions)) is not None}
        rows = {case.key: self._row(case, (), flaws[case.key]) for case in cases if case.key in flaws}
        sound = [replace(case, questions=in_order(case.questions)) for case in cases if case.key not in flaws]
        judged = list(zip(sound, self.panel.judge(sound), strict=True))
        rows |= {case.key: self._row(case, candidates, NO_SUCCESS) for case, candidates in judged}
        failed = [each for each in judged if each[1] and rows[each[0].key].chosen is None]
        if self.captioner is not None and self.questioner is not None and failed:
            rows |= {row.key: row for row in self._correct(self.captioner, self.questioner, failed)}
        return [rows[case.key] for case in cases]

    def _with_questions(self, cases: Sequence[Case]) -> list[Case]:
        silent = [case for case in cases if not case.questions]
        if self.questioner is None or not silent:
            return list(cases)
        asked = self.questioner.ask([case.caption for case in silent])
        found = {case.key: questions for case, questions in zip(silent, asked, strict=True)}
        return [replace(case, questions=found.get(case.key, case.questions)) for case in cases]

    def _correct(self, captioner: Captioner, questioner: Questioner, failed: Sequence[Failed]) -> list[VerifiedRow]:
        """Return the rows of prompts after their correction (the paper's reverse alignment)."""
        captions = _corrected(captioner, failed)
        asked = questioner.ask(captions)
        rows, again, before = [], [], []
        for each, caption, questions in zip(failed, captions, asked, strict=True):
            refusal = _refusal(each, caption, questions)
            if refusal is not None:
                rows.append(self._row(*each, refusal))
            else:
                again.append(replace(each[0], caption=caption, questions=in_order(questions)))
                before.append(each)
        for case, candidates, old in zip(again, self.panel.judge(again), before, strict=True):
            row = self._row(case, candidates, REWRITE_FAILED, rewritten=True)
            rows.append(row if row.chosen is not None else self._row(*old, REWRITE_FAILED))
        return rows

    def _row(self, case: Case, candidates: Candidates, reason: str, rewritten: bool = False) -> VerifiedRow:
        """Return the row of a case; the reason is for the case that no candidate is a success."""
        chosen = best_success(candidates)
        failure = reason if chosen is None else None
        return VerifiedRow(
            case.key, case.caption, case.questions, candidates, chosen, rewritten, failure, self._names()
        )

    def _names(self) -> dict[str, str]:
        models = {
            "answerer": self.panel.answerer,
            "captioner": self.captioner,
            "questioner": self.questioner,
            "scorer": self.panel.scorer,
        }
        return {role: model.name for role, model in models.items() if model is not None}


def _flaw(questions: Sequence[Question]) -> str | None:
    """Return why questions cannot be asked, None if they can."""
    if not questions:
        return NO_QUESTIONS
    try:
        in_order(questions)
    except QuestionsError:
        return BAD_QUESTIONS
    return None


def _corrected(captioner: Captioner, failed: Sequence[Failed]) -> list[str]:
    """Return the caption that each case's nearest candidate should have."""
    images, wrong = [], []
    for case, candidates in failed:
        index = nearly_right(candidates)
        answers = candidates[index].answers
        images.append(case.images[index])
        asked = zip(case.questions, answers, right_answers(case.questions, answers), strict=True)
        wrong.append([question for question, answer, right in asked if answer != UNASKED and not right])
    return captioner.correct(images, [case.caption for case, _ in failed], wrong)


def _refusal(failed: Failed, caption: str, questions: Sequence[Question]) -> str | None:
    """Return why a corrected caption is not worth judging, None if it is."""
    case, candidates = failed
    right = right_answers(case.questions, candidates[nearly_right(candidates)].answers)
    if same_description(case.caption, caption):
        return UNCHANGED
    if not keeps_description(case.caption, caption, case.questions, right):
        return LOST
    return UNCLEAR if _flaw(questions) is not None else None
