"""Pictures of attention: what a heatmap is made of, and where it lies."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from lightning_compose.callbacks.attention_picture import (
    CELL_PX,
    GAP_PX,
    AttentionRow,
    NounMap,
    attention_picture,
    caption_words,
    noun_maps,
)
from lightning_compose.data.colored_text import Word
from lightning_compose.data.overlay import mask_color
from lightning_compose.data.schema import Noun
from lightning_compose.step import NounAttention

CAT, DOG = Noun("black cat", ((2, 11),), mask=1), Noun("dog", ((18, 21),), mask=0)
CAPTION = "a black cat and a dog."


def noun_map(noun: Noun = CAT, size_px: int = 8, share: float = 0.25) -> NounMap:
    """Attention and mask in the upper left quarter."""
    quarter = np.zeros((size_px, size_px), dtype=bool)
    quarter[: size_px // 2, : size_px // 2] = True
    return NounMap(noun, quarter * np.float32(0.1), quarter, share)


def row(nouns: int = 1, size_px: int = 8, **changes) -> AttentionRow:
    pixels = np.full((size_px, size_px, 3), 100, dtype=np.uint8)
    return AttentionRow(pixels, CAPTION, 412, (noun_map(size_px=size_px, **changes),) * nouns)


def cells(picture: np.ndarray) -> int:
    """Count cells by the area that is not white: letters and outlines are a few hundredths of a cell each."""
    return round((picture < 250).any(axis=2).sum() / CELL_PX**2)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_nouns_map_is_the_sum_of_its_tokens_and_the_mean_over_heads_and_layers(dtype):
    generator = torch.Generator().manual_seed(0)
    layers = [torch.rand(2, heads, 3, side, side, generator=generator).to(dtype) for heads, side in ((2, 4), (5, 8))]
    noun_tokens = torch.tensor([[[1, 1, 0], [0, 0, 1]], [[0, 1, 0], [0, 0, 0]]], dtype=torch.bool)
    maps = noun_maps([NounAttention(each, each) for each in layers], noun_tokens, (8, 16))
    for image, noun in np.ndindex(2, 2):
        expected = torch.zeros(8, 16)
        for layer in layers:
            for head in range(layer.shape[1]):
                tokens = [layer[image, head, token].float() for token in noun_tokens[image, noun].nonzero()]
                mass = sum(tokens, torch.zeros(1, *layer.shape[-2:]))
                expected += F.interpolate(mass[None], (8, 16), mode="bilinear")[0, 0] / layer.shape[1] / 2
        torch.testing.assert_close(maps[image, noun], expected)


def test_an_image_lies_beside_heatmap_and_mask():
    picture = np.asarray(attention_picture([row()], "title"))
    assert picture.shape[1] == 3 * (CELL_PX + GAP_PX) + GAP_PX
    top = np.flatnonzero((picture[:, GAP_PX : GAP_PX + CELL_PX] == 100).all(axis=(1, 2)))
    assert len(top) == CELL_PX, "the image"
    heat = picture[top, GAP_PX + CELL_PX + GAP_PX :][:, :CELL_PX].astype(int)
    assert heat[20, 20].sum() > 400 > 50 > heat[-20, -20].sum(), "bright where the attention is, dark elsewhere"
    assert (heat[CELL_PX // 2 - 1, 20] == 255).all(), "the outline of the mask is white"
    mask = picture[top, 2 * (CELL_PX + GAP_PX) + GAP_PX // 2 :]
    assert (mask[-20, CELL_PX - 20] == 100).all()
    assert (mask[0, 10] == mask_color(CAT.mask)).all(), "the mask has its noun's colour"


@pytest.mark.parametrize(("nouns", "columns", "shown"), [(1, 3, 3), (3, 7, 7), (4, 7, 9), (8, 7, 17)])
def test_every_noun_has_two_cells_and_many_take_further_lines(nouns, columns, shown):
    picture = np.asarray(attention_picture([row(nouns)], ""))
    assert picture.shape[1] == columns * (CELL_PX + GAP_PX) + GAP_PX
    assert cells(picture) == shown


def test_rows_lie_below_each_other_and_large_images_shrink():
    picture = np.asarray(attention_picture([row(2, 300), row(1, 300), row(1, 300)], "title"))
    assert picture.shape[1] == 5 * (CELL_PX + GAP_PX) + GAP_PX
    assert cells(picture) == 5 + 3 + 3


def test_shares_are_written_and_no_attention_is_no_error():
    pictures = [np.asarray(attention_picture([row(share=share)], "")) for share in (0.25, 0.75, float("nan"))]
    assert not np.array_equal(pictures[0], pictures[1])
    assert not np.array_equal(pictures[0], pictures[2])
    nothing = NounMap(CAT, np.zeros((8, 8), dtype=np.float32), np.ones((8, 8), dtype=bool), 0.5)
    attention_picture([AttentionRow(row().pixels, CAPTION, 412, (nothing,))], "")


def test_words_have_the_colours_of_their_masks():
    assert caption_words(CAPTION, [CAT, DOG]) == [
        Word("a"),
        Word("black", mask_color(1)),
        Word("cat", mask_color(1)),
        Word("and"),
        Word("a"),
        Word("dog", mask_color(0), "."),
    ]
