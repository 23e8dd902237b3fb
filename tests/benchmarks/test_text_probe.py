"""What a linear map reads off tokens: facts of two captions by hand, a probe that can and one that cannot know."""

import pytest
import torch
from transformers import AutoTokenizer, CLIPTextModel

from benchmarks import text_probe
from lightning_compose.documentation import read_csv
from lightning_compose.shapes.captions import Style, phrase
from lightning_compose.shapes.description import Description, Group, Relation
from lightning_compose.shapes.generate import list_nouns

PLAIN = Style(0.0, 0.0, texture_first=False, texture_as_noun=False, full_stop=False)
ROWS = [("end of the phrase", "color", "several nouns", "5", "20.0 %", "40.0 %", "60.0 %")]


@pytest.fixture(scope="module")
def tokenizer():
    return AutoTokenizer.from_pretrained(text_probe.BASE / "tokenizer")


def facts_of(description, tokenizer, style):
    caption = phrase(description, style)
    encoded = tokenizer(caption.text, return_offsets_mapping=True)
    offsets = torch.tensor(encoded["offset_mapping"])
    words = [caption.text[start:end] for start, end in encoded["offset_mapping"]]
    found = text_probe.facts(description, list_nouns(caption), offsets)
    return caption.text, [(question, words[token], answer) for question, token, answer in found]


@pytest.mark.parametrize("form", [0.0, 0.3, 0.6, 0.99])
def test_facts_stand_at_the_end_of_their_own_phrase(tokenizer, form):
    red = Group("heart", (0,), color="red")
    dotted = Group("ring", (1,), texture="dotted")
    description = Description((red, dotted), (Relation("above", 0, 1),), background="meadow")
    text, found = facts_of(
        description, tokenizer, Style(form, 0.0, texture_first=False, texture_as_noun=True, full_stop=True)
    )
    assert {(question[1], answer) for question, _, answer in found} == {
        ("shape", "heart"),
        ("color", "red"),
        ("shape", "ring"),
        ("texture", "dotted"),
        ("relation", "above"),
        ("relation and its subject", "heart above"),
    }, text
    of_color = next(word for question, word, _ in found if question[1] == "color")
    of_texture = next(word for question, word, _ in found if question[1] == "texture")
    assert of_color in ("heart", "red")
    assert of_texture in ("ring", "dotted", "dots")
    assert {question[2] for question, _, _ in found} == {"several nouns"}


def test_a_relation_is_asked_for_where_its_object_was_last_named(tokenizer):
    groups = Group("heart", (0,)), Group("ring", (1,)), Group("star", (2,))
    description = Description(groups, (Relation("above", 0, 1),))
    caption = phrase(description, PLAIN)
    assert caption.text.count("ring") == 2
    offsets = torch.tensor(tokenizer(caption.text, return_offsets_mapping=True)["offset_mapping"])
    found = {where: token for (where, *_), token, _ in text_probe.facts(description, list_nouns(caption), offsets)}
    assert offsets[found["last mention of the object"], 0] == caption.text.rindex("ring")
    assert found["end of the caption"] == len(offsets) - 1


def test_one_noun_is_asked_for_apart(tokenizer):
    _, found = facts_of(Description((Group("heart", (0,), color="red"),)), tokenizer, PLAIN)
    assert [question for question, _, _ in found] == [
        ("end of the phrase", "shape", "one noun"),
        ("end of the phrase", "color", "one noun"),
    ]


def test_a_probe_finds_what_is_linear_and_nothing_in_noise():
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(400) % 4
    held_out = torch.arange(400) % 5 == 0
    noise = torch.randn(400, 8, generator=generator)
    told = noise + 8 * torch.nn.functional.one_hot(labels, 8)
    assert text_probe.probe(told, labels, held_out) == 1.0
    assert text_probe.probe(noise, labels, held_out) < 0.5
    # Beyond its reach: the parity of two signs.
    signs = torch.randn(400, 2, generator=generator).sign()
    assert text_probe.probe(signs, (signs.prod(dim=1) > 0).long(), held_out) < 0.75


def test_padding_changes_nothing_before_it(tokenizer):
    model = CLIPTextModel.from_pretrained(text_probe.BASE / "text_encoder", dtype=torch.float32).eval()
    ids = [tokenizer(text).input_ids for text in ("a ring", "a red heart above a dotted ring in a meadow")]
    together = text_probe.encode(model, ids)
    alone = text_probe.encode(model, ids, batch_size=1)
    assert [each.shape for each in together] == [(len(each), 128) for each in ids]
    for one, other in zip(together, alone, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_rows_hold_every_fifth_pair_out():
    # A caption's state is its answer; both captions of a pair are on the same side.
    answers = ["red", "blue"] * 20
    asked = [(caption, 0, answer) for caption, answer in enumerate(answers)]
    told = [torch.tensor([[float(answer == "red")] * 2]) for answer in answers]
    silent = [torch.ones(1, 2)] * len(answers)
    where = ("end of the phrase", "color", "several nouns")
    row = text_probe.row(where, asked, {"silent": silent, "told": told})
    assert row == (*where, "8", "50.0 %", "50.0 %", "100.0 %")
    with pytest.raises(ValueError, match="Draw more pairs"):
        text_probe.row(where, [(2, 0, "red")], {"told": told})


def test_a_pair_learnt_by_heart_tells_nothing_of_another():
    asked = [(caption, 0, ["red", "blue"][caption // 2 % 2]) for caption in range(40)]
    by_heart = [torch.nn.functional.one_hot(torch.tensor([caption // 2]), 20).float() for caption in range(40)]
    row = text_probe.row(("end of the phrase", "color", "several nouns"), asked, {"by heart": by_heart})
    assert row[-1] == "50.0 %"


def test_the_base_tells_one_noun_s_color_and_seldom_who_is_where():
    rows = {row[:3]: [float(each.rstrip(" %")) for each in row[4:]] for row in text_probe.measure(text_probe.BASE, 800)}
    assert len(rows) == 10
    chance, _, trained = rows["end of the phrase", "color", "one noun"]
    assert chance < 50 < 90 < trained
    _, untrained, trained = rows["end of the caption", "relation", "several nouns"]
    assert trained < untrained


def test_the_table_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(text_probe, "measure", lambda pretrained, pairs: ROWS)
    text_probe.main(["--csv", str(tmp_path / "probe.csv")])
    assert "| end of the phrase | color | several nouns | 5 | 20.0 % | 40.0 % | 60.0 % |" in capsys.readouterr().out
    assert [tuple(each.values()) for each in read_csv(tmp_path / "probe.csv")] == ROWS
