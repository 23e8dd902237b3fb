"""Answers that are partly given and partly drawn, by a tiny model of random weights."""

import pytest
import torch
from tiny_language_model import save_tiny_language_model

from lightning_compose.prepare.models.language_model import LanguageModel

MESSAGES = [{"role": "system", "content": "Write."}, {"role": "user", "content": "A word?"}]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_tiny_language_model(tmp_path_factory.mktemp("language") / "tiny")


@pytest.fixture(scope="module")
def language(folder):
    return LanguageModel(str(folder), "cpu", "float32", temperature=1.0, top_p=1.0)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def drawn(language, seed, end="\n\n\n", most_tokens=12):
    """All that is drawn: the end never comes, so the text is taken from the tokens as they are appended."""
    answer, tokens = language.answer(MESSAGES), []
    original, language.draw = language.draw, lambda *given: tokens.append(original(*given)) or tokens[-1]
    try:
        assert answer.draw(generator(seed), end, most_tokens) is None
    finally:
        del language.draw
    return tokens


def test_a_seed_gives_the_same_and_another_another(language):
    torch.manual_seed(1)
    first = drawn(language, 3)
    torch.manual_seed(2)
    assert drawn(language, 3) == first
    assert drawn(language, 4) != first


def test_what_was_computed_before_changes_nothing(language):
    """The cache against the whole text anew."""
    answer = language.answer(MESSAGES)
    answer.draw(generator(), "never", 3)
    answer.write(' and "more"')
    answer.draw(generator(), "never", 2)
    with torch.inference_mode():
        anew = language.model(input_ids=torch.tensor([answer._tokens])).logits[0, -1]
    torch.testing.assert_close(answer._next(), anew, rtol=1e-4, atol=1e-5)


def test_what_is_before_the_end_is_returned_and_nothing_kept(language, monkeypatch):
    tokens = iter(language.tokenizer('a cup" rest', add_special_tokens=False).input_ids)
    monkeypatch.setattr(language, "draw", lambda logits, generator: next(tokens))
    answer = language.answer(MESSAGES)
    length = len(answer)
    assert answer.draw(generator(), '"', 20).split() == ["a", "cup"]
    assert len(answer) == length


def test_an_answer_that_stops_by_itself_has_no_end(language, monkeypatch):
    monkeypatch.setattr(language, "draw", lambda logits, generator: language.tokenizer.eos_token_id)
    assert language.answer(MESSAGES).draw(generator(), '"', 20) is None


def test_draws_are_among_the_likeliest():
    language = LanguageModel.__new__(LanguageModel)
    language._temperature, language._top_p = 1.0, 0.6
    logits = torch.tensor([0.15, 0.5, 0.05, 0.3]).log()
    draws = [language.draw(logits, generator(seed)) for seed in range(40)]
    assert set(draws) == {1, 3}
    assert draws.count(1) > draws.count(3)


def test_a_conversation_has_the_models_own_form(language, folder, tmp_path):
    decoded = language.tokenizer.decode(language.answer(MESSAGES)._tokens)
    assert "".join(decoded.split()) == "<system>write.<user>aword?<assistant>"
    plain = LanguageModel(str(save_tiny_language_model(tmp_path / "plain", template=None)), "cpu", "float32", 1.0, 1.0)
    decoded = plain.tokenizer.decode(plain.answer(MESSAGES)._tokens)
    assert "".join(decoded.split()) == "system:write.user:aword?assistant:"


@pytest.mark.parametrize(("temperature", "top_p"), [(0.0, 1.0), (1.0, 0.0), (1.0, 1.5)])
def test_numbers_out_of_range_are_refused(folder, temperature, top_p):
    with pytest.raises(ValueError, match="`temperature` above 0"):
        LanguageModel(str(folder), "cpu", "float32", temperature, top_p)
