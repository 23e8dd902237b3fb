"""Text encoders dropped one by one, on layouts that can be checked by eye."""

import torch

from lightning_compose.backbones.joint_text import JointText
from lightning_compose.step import Text, Tokens
from lightning_compose.text_parts import drop_encoders

# Two CLIP tokens of widths 1 and 2, three of T5 of width 4.
LAYOUT = JointText(clip_tokens=2, clip_widths=(1, 2), pooled_widths=(1, 1), t5_tokens=3, width=4, has_t5=True)


def captions():
    """Three captions of ones, and the empty one of zeros; a noun on every text token."""
    ones = torch.ones(4)
    ones[-1] = 0
    nouns = torch.ones(4, 1, 5, dtype=torch.bool)
    nouns[-1] = False
    return Tokens(ones.long()[:, None].repeat(1, 7), nouns), Text(
        ones[:, None, None].repeat(1, 5, 4), ones[:, None].repeat(1, 2)
    )


def dropped(*by):
    """By encoder, whether each of the three captions is dropped."""
    names = ("clip_l", "clip_g", "t5")
    return {name: torch.tensor([*rows, False], dtype=torch.bool) for name, rows in zip(names, by, strict=True)}


def test_each_encoder_says_what_it_says_of_the_empty_caption():
    tokens, text = drop_encoders(*captions(), LAYOUT.parts, dropped([1, 0, 0], [0, 1, 0], [0, 0, 1]))
    assert text.sequence[0].tolist() == [[0, 1, 1, 1]] * 2 + [[1] * 4] * 3
    assert text.sequence[1].tolist() == [[1, 0, 0, 1]] * 2 + [[1] * 4] * 3
    assert text.sequence[2].tolist() == [[1] * 4] * 2 + [[0] * 4] * 3
    assert text.pooled.tolist() == [[0, 1], [1, 0], [1, 1], [0, 0]]
    assert tokens.ids[:3].tolist() == [[0] * 2 + [1] * 5, [1] * 2 + [0] * 2 + [1] * 3, [1] * 4 + [0] * 3]


def test_a_token_is_supervised_as_long_as_one_encoder_of_it_holds_the_caption():
    tokens, _ = drop_encoders(*captions(), LAYOUT.parts, dropped([1, 1, 0], [0, 1, 0], [0, 0, 1]))
    clip, t5 = [True, True], [True, True, True]
    assert tokens.nouns[:3, 0].tolist() == [clip + t5, [False, False, *t5], [*clip, False, False, False]]


def test_what_was_given_stays_as_it_was():
    tokens, text = captions()
    drop_encoders(tokens, text, LAYOUT.parts, dropped([1] * 3, [1] * 3, [1] * 3))
    assert text.sequence[:3].all()
    assert tokens.nouns[:3].all()
