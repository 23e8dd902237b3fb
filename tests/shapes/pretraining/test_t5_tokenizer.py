"""The T5 tokenizer's recipe: T5's format, pieces by frequency, the same files from the same captions."""

import math

import pytest
from transformers import T5Tokenizer

from lightning_compose.shapes.pretraining.t5_tokenizer import CHARACTERS, SPECIAL, main, train_t5_tokenizer

CAPTIONS = ["A red ring above a blue ring.", "Two red rings", "A crescent moon", "A red heart on a stone floor."] * 3


@pytest.fixture(scope="module")
def tokenizer() -> T5Tokenizer:
    return train_t5_tokenizer(CAPTIONS, merges=12)


def test_frequent_words_are_whole_and_rare_ones_in_pieces(tokenizer):
    assert tokenizer.tokenize("red ring") == ["\u2581red", "\u2581ring"]
    assert tokenizer.tokenize("rings") == ["\u2581ring", "s"]
    assert len(tokenizer.tokenize("crescent")) > 2


def test_vocabulary_is_special_tokens_then_characters_then_pieces(tokenizer):
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    assert tuple(tokens[:3]) == SPECIAL
    assert tokens[3 : 3 + len(CHARACTERS)] == CHARACTERS
    assert len(tokens) == len(SPECIAL) + len(CHARACTERS) + 12
    assert (tokenizer.pad_token_id, tokenizer.eos_token_id, tokenizer.unk_token_id) == (0, 1, 2)


def test_a_piece_is_as_probable_as_it_is_frequent(tokenizer):
    scores = dict(tokenizer._vocab_scores)
    assert scores["\u2581red"] - scores["."] == pytest.approx(math.log(9 / 6)), (
        "three times in four captions, and twice"
    )
    assert scores["Z"] == min(scores.values())


def test_offsets_point_at_the_words_and_the_end_is_marked(tokenizer):
    caption = "A  red ring!"
    encoded = tokenizer(caption, return_offsets_mapping=True)
    assert [caption[first:last] for first, last in encoded.offset_mapping] == ["A", "red", "ring", "!", ""]
    assert encoded.input_ids[-1] == tokenizer.eos_token_id


def test_same_captions_give_same_files(tmp_path):
    for name in ("first", "second"):
        main(["--out", str(tmp_path / name), "--captions", "40", "--merges", "60"])
    files = [path.name for path in sorted((tmp_path / "first").iterdir())]
    assert "tokenizer.json" in files
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()
