from itertools import product

import pytest

from lightning_compose.prepare.prompts.near_duplicates import KnownTexts, content_trigrams, jaccard
from lightning_compose.seeding import generator

LONG = [f"word{number}" for number in range(30)]


def find(known, text, threshold=0.8):
    return KnownTexts(threshold, [known]).find(text)


def test_case_punctuation_and_spaces_make_no_new_prompt():
    match = find("A red ball, and a cube.", "a RED  ball and a cube")
    assert match is not None
    assert (match.text, match.exact, match.similarity) == ("A red ball, and a cube.", True, 1.0)


@pytest.mark.parametrize(
    "text", ["The red ball", "A photo of a red ball.", "There is a red ball", "this picture shows a red ball"]
)
def test_openings_and_articles_make_no_new_prompt(text):
    match = find("A red ball.", text)
    assert match is not None
    assert (match.exact, match.similarity) == (False, 1.0)


@pytest.mark.parametrize(
    ("known", "text"),
    [
        ("A red ball and a blue cube.", "A green ball and a blue cube."),
        ("A red ball and a blue cube.", "A blue ball and a red cube."),
        ("A woman chases a dog.", "A dog chases a woman."),
        ("Two dogs.", "Three dogs."),
        ("A book under a hat.", "A book on a hat."),
        ("The", "A"),
    ],
)
def test_one_other_word_of_a_template_and_a_swap_are_new(known, text):
    assert find(known, text) is None


@pytest.mark.parametrize(("words", "is_repeated"), [(24, False), (25, True)])
@pytest.mark.parametrize("place", [0, 12, -1])
def test_one_other_word_repeats_from_25_words_on_wherever_it_is(words, is_repeated, place):
    changed = LONG[:words]
    changed[place] = "other"
    assert (find(" ".join(LONG[:words]), " ".join(changed)) is not None) == is_repeated


def test_the_similarity_is_that_of_the_formula():
    changed = ["other", *LONG[1:10]]
    assert jaccard(content_trigrams(" ".join(LONG[:10])), content_trigrams(" ".join(changed))) == 9 / 15


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.8, 1.0])
def test_the_index_finds_what_comparing_all_finds(threshold):
    rng = generator(0, "test")
    texts = [" ".join(f"w{word}" for word in rng.integers(3, size=rng.integers(1, 7))) for _ in range(60)]
    for text, number in product(texts[40:], (1, 5, 40)):
        best = max(jaccard(content_trigrams(text), content_trigrams(known)) for known in texts[:number])
        match = KnownTexts(threshold, texts[:number]).find(text)
        assert (match.similarity if match else None) == (best if best >= threshold else None)


def test_a_threshold_outside_its_range_is_refused():
    with pytest.raises(ValueError, match=r"in \(0, 1\], got 0"):
        KnownTexts(0.0)
