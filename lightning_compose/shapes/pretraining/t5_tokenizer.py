"""Make the embedded world's T5 tokenizer from its captions.

    python -m lightning_compose.shapes.pretraining.t5_tokenizer --out lightning_compose/assets/shapes-sd3/tokenizer_3

The model is T5's, Unigram: of all ways to put a text together from known pieces, the most probable one. The pieces are
those that a byte-pair encoding makes of the captions, each as probable as it is frequent there. The usual training of a
Unigram model finds no words here, for it looks for pieces that several words share, and this world has a hundred words.
"""

from __future__ import annotations

import argparse
import math
import string
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer
from transformers import T5Tokenizer

from lightning_compose.shapes.pretraining.tokenizer import CAPTIONS, world_captions

# Few enough that rare nouns stay in pieces, as in T5's vocabulary.
MERGES = 175
MAX_TOKENS = 77
START_OF_WORD = "\u2581"
CHARACTERS = [START_OF_WORD, *string.ascii_letters, *string.digits, *string.punctuation]
SPECIAL = ("<pad>", "</s>", "<unk>")


def main(argv: list[str] | None = None) -> None:
    """Make it as the command line says."""
    parser = argparse.ArgumentParser(description="Make the embedded world's T5 tokenizer from its captions.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the tokenizer")
    parser.add_argument("--captions", type=int, default=CAPTIONS, help="how many to learn from")
    parser.add_argument("--merges", type=int, default=MERGES, help="how many pieces to learn")
    parser.add_argument("--seed", type=int, default=0, help="of the captions")
    options = parser.parse_args(argv)
    captions = world_captions(options.captions, options.seed)
    train_t5_tokenizer(captions, options.merges).save_pretrained(options.out)


def train_t5_tokenizer(captions: Iterable[str], merges: int = MERGES) -> T5Tokenizer:
    """Learn the pieces and how probable they are; the same captions give the same tokenizer.

    Args:
        captions: Texts to learn from.
        merges: Pieces learned beside the printable ASCII characters; fewer if the texts give no more.
    """
    vocabulary = [*((each, 0.0) for each in SPECIAL), *log_probabilities(list(captions), merges)]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=MAX_TOKENS)


def log_probabilities(captions: list[str], merges: int) -> list[tuple[str, float]]:
    """Return the pieces, characters first, with the logarithm of their share of the captions."""
    tokenizer = _byte_pair_encoding(captions, merges)
    counts: Counter[str] = Counter()
    for caption in captions:
        counts.update(tokenizer.encode(caption).tokens)
    # What never occurs counts half: it must stay possible, and be the last resort.
    shares = {piece: max(counts[piece], 0.5) / counts.total() for piece in _in_order(tokenizer)}
    return [(piece, math.log(share)) for piece, share in shares.items()]


def _byte_pair_encoding(captions: list[str], merges: int) -> Tokenizer:
    reference = T5Tokenizer().backend_tokenizer
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = reference.pre_tokenizer
    # Listed as special tokens the characters get fixed ids; else ids, and with them ties, follow a random hash order.
    trainer = BpeTrainer(
        vocab_size=len(CHARACTERS) + merges, special_tokens=CHARACTERS, limit_alphabet=0, show_progress=False
    )
    tokenizer.train_from_iterator(captions, trainer)
    # As special tokens they would be cut out of the text before the merges.
    return _without_special_tokens(tokenizer)


def _without_special_tokens(tokenizer: Tokenizer) -> Tokenizer:
    plain = Tokenizer(tokenizer.model)
    plain.pre_tokenizer = tokenizer.pre_tokenizer
    return plain


def _in_order(tokenizer: Tokenizer) -> list[str]:
    vocabulary = tokenizer.get_vocab()
    return sorted(vocabulary, key=vocabulary.__getitem__)


if __name__ == "__main__":
    main()
