"""What a negative should show, and who asks about it."""

from made_prompts import prompt_row
from prepared_cases import RingQuestioner, questions_of

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.negatives.own_captions import negative_caption, own_questions
from lightning_compose.prepare.rows import VerifiedRow


def pair(rewritten=False, questions=()):
    prompt = prompt_row("a", prompt="A red ring", negative_prompt="A blue ring", questions=questions)
    return prompt, VerifiedRow("a", "A green ring", (), (), 0, rewritten, None, {})


class Circular(Questioner):
    name = "circular"

    def ask(self, prompts):
        return [(Question(0, "Is it?", "yes", "entity", ("it",), (0,)),) for _ in prompts]


def test_the_opposite_of_a_correction_is_the_prompt():
    assert negative_caption(*pair()) == "A blue ring"
    assert negative_caption(*pair(rewritten=True)) == "A red ring"


def test_the_prompts_own_questions_are_known():
    known = questions_of("A red ring")
    pairs = [pair(rewritten=True, questions=known), pair(questions=known), pair(rewritten=True)]
    assert own_questions(pairs, None) == [known, (), ()]
    assert own_questions(pairs, RingQuestioner()) == [known, questions_of("A blue ring"), questions_of("A red ring")]


def test_questions_that_cannot_be_asked_are_none():
    assert own_questions([pair()], Circular()) == [()]
    assert own_questions([], RingQuestioner()) == []
