"""The tokenizer's recipe: CLIP's format, any text, the same files from the same captions."""

import pytest
from transformers import CLIPTokenizer

from lightning_compose.shapes.pretraining.tokenizer import byte_symbols, main, train_tokenizer, world_captions

CAPTIONS = ["A red ring above a blue ring.", "Two red rings", "A crescent moon", "A red heart on a stone floor."] * 3


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return train_tokenizer(CAPTIONS, merges=12)


def test_frequent_words_are_whole_and_rare_ones_in_pieces(tokenizer):
    assert tokenizer.tokenize("red ring") == ["red</w>", "ring</w>"]
    assert len(tokenizer.tokenize("crescent")) > 1


def test_vocabulary_is_bytes_then_merges_then_special_tokens(tokenizer):
    tokens = tokenizer.convert_ids_to_tokens(range(len(tokenizer)))
    assert tokens[:512] == byte_symbols()
    assert tokens[-2:] == ["<|startoftext|>", "<|endoftext|>"]
    assert len(tokens) == 512 + 12 + 2


def test_byte_symbols_have_clip_ids():
    symbols = byte_symbols()
    assert (len(set(symbols)), symbols[0], symbols[256]) == (512, "!", "!</w>")
    assert symbols.index("a</w>") == 320  # as in CLIP's own vocabulary


@pytest.mark.parametrize("text", ["naïve", "猫と犬", "\U0001f600 zebra", "100% #x\\y", "\x00\x7f"])
def test_any_text_has_an_encoding_without_unknowns(tokenizer, text):
    ids = tokenizer(text).input_ids
    assert tokenizer.eos_token_id not in ids[:-1]
    assert tokenizer.decode(ids, skip_special_tokens=True).replace(" ", "") == text.lower().replace(" ", "")


def test_exclamation_mark_is_no_padding(tokenizer):
    assert tokenizer("!").input_ids == [tokenizer.bos_token_id, 256, tokenizer.eos_token_id]
    assert tokenizer.pad_token_id == tokenizer.eos_token_id


def test_same_captions_give_same_files(tmp_path):
    for name in ("first", "second"):
        main(["--out", str(tmp_path / name), "--captions", "40", "--merges", "60"])
    files = [path.name for path in sorted((tmp_path / "first").iterdir())]
    assert "tokenizer.json" in files
    for name in files:
        assert (tmp_path / "first" / name).read_bytes() == (tmp_path / "second" / name).read_bytes()


def test_captions_of_another_seed_differ():
    assert list(world_captions(3, seed=0)) != list(world_captions(3, seed=1))
