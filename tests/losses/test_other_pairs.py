"""The other pairs of a batch as further negatives."""

import torch

from lightning_compose.losses.other_pairs import other_pairs

CAPTIONS = ["a cat", "a dog", "a cat"]
NEGATIVE_CAPTIONS = ["a cow", "a cat", None]


def test_which_candidates_are_negatives_of_which_row():
    positive, negative = torch.randn(3, 2), torch.randn(3, 2)
    candidates, is_negative = other_pairs(
        positive, negative, CAPTIONS, NEGATIVE_CAPTIONS, torch.tensor([True, True, False])
    )
    assert torch.equal(candidates, torch.cat([positive, negative]))
    assert is_negative.tolist() == [
        # not one's own, none of the same caption (the second negative shows a cat), not a missing negative
        [False, True, False, False, False, False],
        [True, False, True, True, False, False],
        [False, True, False, True, False, False],
    ]
