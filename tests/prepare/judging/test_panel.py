"""What a panel says of candidates, by hand."""

from prepared_cases import BrightnessScorer, ColorAnswerer, plain, questions_of

from lightning_compose.prepare.judging.panel import Case, Panel


def case(key, caption, *images, category="color"):
    paths = tuple(f"{key}-{number}.webp" for number in range(len(images)))
    return Case(key, category, caption, questions_of(caption), images, paths, tuple(range(7, 7 + len(images))))


def panel(**least_alignment):
    return Panel(ColorAnswerer(), BrightnessScorer(), least_alignment)


def test_each_candidate_is_judged_by_its_own_questions():
    cases = [case("a", "A red ring", plain("red", 5), plain("blue", 9)), case("b", "A blue ring", plain("black", 1))]
    (red, blue), (black,) = panel().judge(cases)
    assert (red.answers, red.alignment, red.success, red.score) == (("Yes.", "Yes."), 1.0, True, 5.0)
    assert (blue.answers, blue.alignment, blue.success, blue.score) == (("Yes.", "No."), 0.5, False, 9.0)
    assert (black.answers, black.alignment, black.success) == (("No.", ""), 0.0, False)
    assert [(each.image, each.seed) for each in (red, blue, black)] == [
        ("a-0.webp", 7),
        ("a-1.webp", 8),
        ("b-0.webp", 7),
    ]


def test_half_is_enough_where_the_settings_say_so():
    cases = [case(name, "A red ring", plain("blue"), category=name) for name in ("complex", "color")]
    assert [found.success for (found,) in panel(complex=0.5).judge(cases)] == [True, False]


def test_no_images_no_judgement():
    assert panel().judge([]) == []
    assert panel().judge([case("a", "A red ring"), case("b", "A red ring", plain("red"))])[0] == ()
