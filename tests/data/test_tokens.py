"""Noun spans to tokens, with a small CLIP tokenizer whose merges leave most nouns in several tokens."""

import unicodedata

import pytest
import torch
from transformers import CLIPTokenizer

from lightning_compose.data.schema import Noun
from lightning_compose.data.tokens import CUT_OFF, encode, noun_tokens, token_mask


def byte_symbols():
    """CLIP's alphabet: printable bytes stand for themselves, the others for characters from 256 on."""
    printable = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = iter(range(256, 512))
    return [chr(byte) if byte in printable else chr(next(others)) for byte in range(256)]


@pytest.fixture(scope="module")
def tokenizer():
    merges = [("c", "a"), ("ca", "t</w>"), ("d", "o"), ("do", "g</w>"), ("s", "k"), ("r", "e"), ("re", "d</w>")]
    alphabet = byte_symbols()
    special = ["<|startoftext|>", "<|endoftext|>"]
    symbols = [*alphabet, *(symbol + "</w>" for symbol in alphabet), *("".join(pair) for pair in merges), *special]
    vocabulary = {symbol: index for index, symbol in enumerate(symbols)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, pad_token=special[1], model_max_length=16)


def offsets_of(tokenizer, captions):
    return tokenizer(captions, padding="max_length", truncation=True, return_offsets_mapping=True, return_tensors="pt")[
        "offset_mapping"
    ]


def noun(caption, text):
    starts = [start for start in range(len(caption)) if caption.startswith(text, start)]
    return Noun(text, tuple((start, start + len(text)) for start in starts))


def pieces(caption, offsets, mask):
    return [caption[start:end] for start, end in offsets[mask].tolist()]


@pytest.mark.parametrize(
    ("caption", "text", "expected"),
    [
        ("a red cat", "cat", ["cat"]),
        ("cat", "cat", ["cat"]),
        ("a   red\tcat", "red\tcat", ["red", "cat"]),
        ("a dog's cat", "dog", ["dog"]),
        ("a sky, a cat", "sky", ["sk", "y"]),
        ("cat dog cat", "cat", ["cat", "cat"]),
        ("a CAT", "CAT", ["CAT"]),
        ("a café", "café", ["ca", "f", "é", "é"]),
        ("a dog-sk", "dog-sk", ["dog", "-", "s", "k"]),
    ],
)
def test_tokens_of_a_noun_read_as_the_noun(tokenizer, caption, text, expected):
    offsets = offsets_of(tokenizer, [caption])[0]
    assert pieces(caption, offsets, token_mask(offsets, noun(caption, text).spans)) == expected


def test_a_span_is_not_a_word():
    caption = "a woman and a man"
    offsets = torch.tensor([(0, 0), (0, 1), (2, 7), (8, 11), (12, 13), (14, 17), (0, 0)])
    assert pieces(caption, offsets, token_mask(offsets, [(14, 17)])) == ["man"]
    assert not token_mask(offsets, [(14, 17)])[2]


def test_bos_eos_and_padding_never_match(tokenizer):
    offsets = offsets_of(tokenizer, ["cat"])[0]
    assert token_mask(offsets, [(0, 3)]).tolist() == [False, True] + [False] * 14


def test_batch_pads_nouns(tokenizer):
    captions = ["a cat and a dog", "a sky"]
    nouns = [[noun(captions[0], "cat"), noun(captions[0], "dog")], [noun(captions[1], "sky")]]
    result = noun_tokens(offsets_of(tokenizer, captions), nouns, max_nouns=4)
    assert result.mask.shape == (2, 4, 16)
    assert result.mask.any(-1).tolist() == [[True, True, False, False], [True, False, False, False]]
    assert result.unsupervised == {}


# Sixteen tokens hold fourteen letters between BOS and EOS.
@pytest.mark.parametrize(
    ("caption", "text", "supervised"),
    [
        ("x " * 13 + "cat", "cat", True),
        ("x " * 14 + "cat", "cat", False),
        ("x " * 13 + "sky", "sky", False),
        ("cat " + "x " * 20 + "cat", "cat", False),
        ("cat " + "x " * 20 + "dog", "cat", True),
    ],
)
def test_a_noun_cut_off_by_the_tokenizer_is_unsupervised_and_counted(tokenizer, caption, text, supervised):
    result = noun_tokens(offsets_of(tokenizer, [caption]), [[noun(caption, text)]], max_nouns=1)
    assert bool(result.mask.any()) == supervised
    assert result.unsupervised == ({} if supervised else {CUT_OFF: 1})


@pytest.mark.parametrize("end", ["", " ", "  \n", "\u0301", "\u0301 "])
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_noun_that_ends_in_what_the_tokenizer_leaves_out_is_not_cut_off(tokenizer, form, end):
    caption = unicodedata.normalize(form, "a caf\u00e9" + end)
    result = noun_tokens(offsets_of(tokenizer, [caption]), [[noun(caption, caption[2:])]], max_nouns=1)
    assert result.mask.any()
    assert result.unsupervised == {}


# Without and with the last letter, both without room for padding.
@pytest.mark.parametrize(("letters", "cut_off"), [(14, False), (15, True)])
def test_a_caption_without_padding_is_read_to_its_last_token(tokenizer, letters, cut_off):
    caption = " ".join("x" * letters)
    result = noun_tokens(offsets_of(tokenizer, [caption]), [[noun(caption, caption[-3:])]], max_nouns=1)
    assert result.unsupervised == ({CUT_OFF: 1} if cut_off else {})


def test_captions_are_cut_and_padded_to_the_length(tokenizer):
    encoded = encode(tokenizer, ["a dog", "x " * 20], length=6)
    assert encoded["input_ids"].shape == (2, 6)
    assert encoded["offset_mapping"].tolist() == [
        [[0, 0], [0, 1], [2, 5], [0, 0], [0, 0], [0, 0]],
        [[0, 0], [0, 1], [2, 3], [4, 5], [6, 7], [0, 0]],
    ]
