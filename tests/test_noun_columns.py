"""Which columns of the attention are read out for the nouns."""

import torch

from lightning_compose.noun_columns import noun_columns


def nouns(*tokens: list[list[int]], length: int = 8) -> torch.Tensor:
    """One row a caption, one list of token positions a noun."""
    mask = torch.zeros(len(tokens), max(map(len, tokens)), length, dtype=torch.bool)
    for row, of_caption in enumerate(tokens):
        for column, positions in enumerate(of_caption):
            mask[row, column, positions] = True
    return mask


def probabilities(*shape: int) -> torch.Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0)).softmax(dim=-1)


def test_columns_of_the_readout_are_sums_of_probabilities():
    mask = nouns([[2, 3], [5]], [[1], []])
    columns = noun_columns(mask, max_tokens=4)
    attention = probabilities(2, 3, 8)
    maps = (attention @ columns.readout).transpose(1, 2)[:, None, :, None]
    tokens, others = columns.split(maps)
    assert tokens.shape == (2, 1, 4, 1, 3)
    assert others.shape == (2, 1, 2, 1, 3)
    nouns_mass = torch.einsum("bakhw,bnk->bnw", tokens, columns.noun_tokens.float())
    torch.testing.assert_close(nouns_mass, torch.einsum("bwl,bnl->bnw", attention, mask.float()))
    torch.testing.assert_close(nouns_mass + others[:, 0, :, 0], torch.ones(2, 2, 3))


def test_every_caption_has_its_own_columns_and_the_width_is_fixed():
    columns = noun_columns(nouns([[2], [5]], [[4], []]), max_tokens=4)
    assert columns.noun_tokens.tolist() == [
        [[True, False, False, False], [False, True, False, False]],
        [[True, False, False, False], [False] * 4],
    ]
    assert columns.readout[:, :, 0].argmax(dim=1).tolist() == [2, 4]
    assert columns.readout.shape == (2, 8, 6)
    assert noun_columns(nouns([[], []]), max_tokens=4).readout.shape == (1, 8, 6)


def test_nouns_may_share_a_token():
    columns = noun_columns(nouns([[1, 2], [1, 4]]), max_tokens=4)
    assert columns.noun_tokens.tolist() == [[[True, True, False, False], [True, False, True, False]]]


def test_a_noun_that_does_not_fit_is_unsupervised_and_the_others_stay():
    columns = noun_columns(nouns([[1, 2], [3, 4], [5]]), max_tokens=3)
    assert columns.noun_tokens.any(dim=2).tolist() == [[True, False, False]]
    exact = noun_columns(nouns([[1, 2], [3, 4], [5]]), max_tokens=5)
    assert exact.noun_tokens.any(dim=2).all()
