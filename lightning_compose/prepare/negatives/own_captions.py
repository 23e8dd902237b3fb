"""What a negative should show, and the questions about that."""

from __future__ import annotations

from collections.abc import Sequence

from lightning_compose.data.schema import Question
from lightning_compose.prepare.judging.alignment import QuestionsError, in_order
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.rows import PromptRow, VerifiedRow

Pair = tuple[PromptRow, VerifiedRow]


def negative_caption(prompt: PromptRow, verified: VerifiedRow) -> str:
    """Return what the negative of a positive should show.

    No candidate shows the prompt that a corrected caption comes from: it differs in what was corrected, and is the
    correction's natural opposite. The prompt's own negative may be the very correction.
    """
    return prompt.prompt if verified.rewritten else prompt.negative_prompt


def own_questions(pairs: Sequence[Pair], questioner: Questioner | None) -> list[tuple[Question, ...]]:
    """Return the questions about each negative caption; none where nobody knows any that can be asked.

    Args:
        pairs: A prompt and its positive each.
        questioner: Asks about captions that have no questions; None = nobody does.
    """
    known = [prompt.questions if verified.rewritten else () for prompt, verified in pairs]
    silent = [index for index, questions in enumerate(known) if not questions]
    if questioner is not None and silent:
        asked = questioner.ask([negative_caption(*pairs[index]) for index in silent])
        known = [dict(zip(silent, asked, strict=True)).get(index, each) for index, each in enumerate(known)]
    return [_sound(each) for each in known]


def _sound(questions: Sequence[Question]) -> tuple[Question, ...]:
    if not questions:
        return ()
    try:
        return in_order(questions)
    except QuestionsError:
        return ()
