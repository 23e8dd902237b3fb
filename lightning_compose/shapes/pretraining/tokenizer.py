r"""Train the embedded world's tokenizer on its captions.

    python -m lightning_compose.shapes.pretraining.tokenizer --out lightning_compose/assets/shapes/tokenizer
    python -m lightning_compose.shapes.pretraining.tokenizer --pad ! \
        --out lightning_compose/assets/shapes-sd3/tokenizer_2

The format is CLIP's: byte-level BPE whose words end in ``</w>``, the 512 byte symbols first, so that any text has an
encoding, then the merges in the order they were learned, then the two special tokens.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

from lightning_compose.shapes.captions import phrase
from lightning_compose.shapes.pairs import draw_pair

CAPTIONS = 4_000
# Few enough that rare nouns stay in pieces, as in CLIP's vocabulary: noun masks must work for several tokens a noun.
MERGES = 175
MAX_TOKENS = 77
# Stable Diffusion 2 and the second encoder of Stable Diffusion 3 pad with "!", which then cannot be told from a "!" in
# the prompt.
PAD = "<|endoftext|>"
END_OF_WORD = "</w>"


def main(argv: list[str] | None = None) -> None:
    """Train as the command line says."""
    parser = argparse.ArgumentParser(description="Train the embedded world's tokenizer on its captions.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tokenizer")
    parser.add_argument("--captions", type=int, default=CAPTIONS, help="how many to train on")
    parser.add_argument("--merges", type=int, default=MERGES, help="how many symbols to learn")
    parser.add_argument("--seed", type=int, default=0, help="of the captions")
    parser.add_argument("--pad", default=PAD, help="symbol that fills up what is short")
    options = parser.parse_args(argv)
    captions = world_captions(options.captions, options.seed)
    train_tokenizer(captions, options.merges, options.pad).save_pretrained(options.out)


def world_captions(count: int, seed: int) -> Iterator[str]:
    """Draw captions of the training split."""
    for index in range(count):
        pair = draw_pair(seed, "train", index)
        yield phrase(pair.description, pair.style).text


def train_tokenizer(captions: Iterable[str], merges: int = MERGES, pad: str = PAD) -> CLIPTokenizer:
    """Learn the merges; the same captions give the same tokenizer.

    Args:
        captions: Texts to learn from; CLIP's own normaliser lower-cases them.
        merges: Symbols learned beside the 512 bytes and the two special tokens; fewer if the texts give no more.
        pad: The symbol that fills up captions that are short.
    """
    learned = learn_merges(captions, merges)
    symbols = [*byte_symbols(), *(left + right for left, right in learned), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={symbol: index for index, symbol in enumerate(symbols)},
        merges=learned,  # type: ignore[arg-type]  # BPE takes pairs, whatever the annotation says
        pad_token=pad,
        model_max_length=MAX_TOKENS,
    )


def learn_merges(captions: Iterable[str], merges: int) -> list[tuple[str, str]]:
    """Return the pairs to merge, most frequent first."""
    reference = CLIPTokenizer().backend_tokenizer
    tokenizer = Tokenizer(BPE(end_of_word_suffix=END_OF_WORD))
    tokenizer.normalizer, tokenizer.pre_tokenizer = reference.normalizer, reference.pre_tokenizer
    symbols = byte_symbols()
    # Listed as special tokens the byte symbols get fixed ids; else ids, and with them ties, follow a random hash order.
    trainer = BpeTrainer(
        vocab_size=len(symbols) + merges,
        special_tokens=symbols,
        end_of_word_suffix=END_OF_WORD,
        show_progress=False,
    )
    tokenizer.train_from_iterator(captions, trainer)
    return [(left, right) for left, right in json.loads(tokenizer.to_str())["model"]["merges"]]


def byte_symbols() -> list[str]:
    """Return CLIP's symbols of the 256 bytes, then the same at the end of a word."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    return [*alphabet, *(symbol + END_OF_WORD for symbol in alphabet)]


if __name__ == "__main__":
    main()
