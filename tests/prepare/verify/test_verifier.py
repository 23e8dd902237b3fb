"""Which candidate a prompt keeps, and what becomes of prompts that none shows."""

from dataclasses import replace

import pytest
from prepared_cases import BrightnessScorer, ColorAnswerer, ColorCaptioner, RingQuestioner, plain, questions_of

from lightning_compose.prepare.judging.panel import Case, Panel
from lightning_compose.prepare.verify.verifier import Verifier


def verifier(questioner=None, captioner=None):
    return Verifier(Panel(ColorAnswerer(), BrightnessScorer(), {}), questioner, captioner)


def case(*images, caption="A red ring", key="k"):
    paths = tuple(f"{number}.webp" for number in range(len(images)))
    return Case(key, "color", caption, questions_of(caption), images, paths, tuple(range(len(images))))


def verified(one, **models):
    (row,) = verifier(**models).verify([one])
    return row


def test_the_best_scored_success_is_chosen():
    row = verified(case(plain("blue", 9), plain("red", 3), plain("red", 5)))
    assert (row.chosen, row.reason, row.rewritten, row.caption) == (2, None, False, "A red ring")
    assert row.models == {"answerer": "eye", "scorer": "brightness"}


def test_without_a_captioner_a_failure_has_its_reason_and_its_candidates():
    row = verified(case(plain("blue"), plain("green")))
    assert (row.chosen, row.reason, row.rewritten) == (None, "no_success", False)
    assert [each.alignment for each in row.candidates] == [0.5, 0.5]


def test_rows_come_in_the_order_of_their_cases():
    cases = [case(plain(color), key=color) for color in ("blue", "red", "green", "black")]
    rows = verifier(RingQuestioner(), ColorCaptioner()).verify(cases)
    assert [row.key for row in rows] == ["blue", "red", "green", "black"]
    assert [row.rewritten for row in rows] == [True, False, True, False]


def test_a_prompt_without_questions_is_asked_about():
    one = replace(case(plain("red")), questions=())
    assert verified(one, questioner=RingQuestioner()).questions == questions_of("A red ring")
    assert verified(one).reason == "no_questions"
    nonsense = replace(one, caption="nonsense of mine")
    assert verified(nonsense, questioner=RingQuestioner()).reason == "no_questions"


def test_questions_that_lead_nowhere_are_refused_and_the_others_judged():
    entity, color = questions_of("A red ring")
    bad = replace(case(plain("red"), key="bad"), questions=(entity, replace(color, depends_on=(5,))))
    bad_row, good_row = verifier().verify([bad, case(plain("red"))])
    assert (bad_row.reason, bad_row.candidates) == ("bad_questions", ())
    assert good_row.chosen == 0


def test_questions_are_kept_in_an_order_in_which_they_can_be_asked():
    one = replace(case(plain("red")), questions=questions_of("A red ring")[::-1])
    row = verified(one)
    assert [each.id for each in row.questions] == [0, 1]
    assert row.candidates[0].answers == ("Yes.", "Yes.")


def test_a_prompt_that_none_shows_becomes_what_the_nearest_shows():
    captioner = ColorCaptioner()
    one = case(plain("black", 99), plain("blue", 3), plain("green", 2), plain("blue", 4))
    row = verified(one, questioner=RingQuestioner(), captioner=captioner)
    assert (row.caption, row.rewritten, row.reason) == ("A blue ring", True, None)
    assert row.questions == questions_of("A blue ring")
    assert row.chosen == 3
    assert [each.success for each in row.candidates] == [False, True, False, True]
    assert captioner.wrong == [[1]]
    assert row.models["captioner"] == "namer"


def test_only_what_was_asked_is_called_wrong():
    captioner = ColorCaptioner()
    verified(case(plain("black")), questioner=RingQuestioner(), captioner=captioner)
    assert captioner.wrong == [[0]]


@pytest.mark.parametrize(
    ("image", "form", "reason"),
    [
        ("blue", "a red RING.", "rewrite_unchanged"),
        ("blue", "A {} square", "rewrite_lost_description"),
        ("black", "A {} ring", "rewrite_lost_description"),  # no noun was seen
        ("blue", "A nonsense ring", "rewrite_without_questions"),
        ("blue", "A green ring", "rewrite_failed"),
    ],
)
def test_corrections_that_are_none(image, form, reason):
    row = verified(case(plain(image)), questioner=RingQuestioner(), captioner=ColorCaptioner(form))
    assert (row.chosen, row.rewritten, row.reason, row.caption) == (None, False, reason, "A red ring")
    assert row.questions == questions_of("A red ring")
    assert row.candidates[0].answers[0] == ("No." if image == "black" else "Yes.")


def test_a_prompt_without_images_fails_alone():
    rows = verifier(RingQuestioner(), ColorCaptioner()).verify([case(key="none"), case(plain("red"))])
    assert [(row.reason, row.chosen) for row in rows] == [("no_success", None), (None, 0)]
