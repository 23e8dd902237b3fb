"""The maths of the three losses, as pure functions of tensors.

Shape legend, also the suffixes of names::

    b batch    n nouns (padded)    k token columns    a attention heads    h w a layer's map    l layers
    H W image    p features    m further candidates    s inside and outside of the mask

Half precision is computed in float32, float64 stays. Every loss is a scalar, the mean over all samples of the batch; a
sample with nothing to supervise counts zero, with a graph. No function looks at a value on the device: nothing waits.
Papers: TokenCompose, arXiv 2312.03626 (its program: github.com/mlpc-ucsd/TokenCompose); EvoGen, arXiv 2410.16719.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torch.nn import functional

Layers = Sequence[Tensor]
VARIANTS = ("code", "paper")
# The reciprocal of anything larger stays finite in float32 and bfloat16, also times a loss scale of 65536.
SMALLEST_DIVISOR = 1e-30


def token_loss(attention: Layers, noun_tokens: Tensor, masks: Tensor, variant: str = "code") -> Tensor:
    """Measure how much of each noun's attention falls outside of its mask: per layer 0 = none of it, 1 = all.

    A noun is supervised at a resolution where it has tokens and its mask did not vanish. Ours: the authors count the
    vanished ones too, each with an error of 1 that has no gradient.

    Args:
        attention: Of each layer, the probability of every token, ``[b, a, k, h, w]``, at any mix of resolutions.
        noun_tokens: Which tokens are which noun's, bool ``[b, n, k]``; nouns may share tokens, all False = no
            supervision.
        masks: Of the nouns, bool ``[b, n, H, W]``.
        variant: ``"code"``, as the authors' program that made the published numbers: the squared error of each token,
            mean over the noun's tokens; or ``"paper"``: the error of the noun's map, averaged over heads, the sum of
            its tokens (ours: the paper has one token a noun). Both: mean over nouns, sum over layers.

    Raises:
        ValueError: At an unknown variant, no layers, or shapes that do not agree.

    >>> attention = torch.tensor([0.2, 0.6]).view(1, 1, 1, 1, 2)
    >>> noun_tokens, masks = torch.tensor([[[True]]]), torch.tensor([[[[True, False]]]])
    >>> token_loss([attention], noun_tokens, masks)
    tensor(0.5625)
    >>> token_loss([attention], noun_tokens, masks, variant="paper")
    tensor(0.7500)
    """
    _require_variant(variant)
    _require_layers(attention, noun_tokens, masks)
    error = _squared_error_of_tokens if variant == "code" else _error_of_nouns
    losses_b = []
    for layers, resized_masks, supervised_bn in _resolutions(attention, noun_tokens, masks):
        errors_lbn = torch.stack([error(attention[layer], noun_tokens, resized_masks) for layer in layers])
        losses_b.append(_mean_where(supervised_bn, errors_lbn.sum(dim=0)))
    return torch.stack(losses_b).sum(dim=0).mean()


def pixel_loss(
    attention: Layers, others: Layers, noun_tokens: Tensor, masks: Tensor, variant: str = "code", text_tokens: int = 77
) -> Tensor:
    """Measure the cross entropy between each noun's attention and its mask; nouns are supervised as in `token_loss`.

    Args:
        attention: Of each layer, the probability of every token, ``[b, a, k, h, w]``, at any mix of resolutions. A
            noun's below 1e-30 (float16: 1.5e-5) counts as that, without gradient; the others' likewise.
        others: Of each layer, the probability mass of all tokens that are not the noun's, ``[b, a, n, h, w]``. From 1
            - A in half precision nothing would be left of it where A is nearly 1.
        noun_tokens: Which tokens are which noun's, bool ``[b, n, k]``; all False = no supervision.
        masks: Of the nouns, bool ``[b, n, H, W]``.
        variant: ``"code"``, as the authors' program that made the published numbers: of the mean map of the layers of
            one resolution, mean over nouns, sum over resolutions; or ``"paper"``: of every layer's own map, sum over
            nouns and layers, by `text_tokens`.
        text_tokens: The length of the encoded caption, padding included; only for ``"paper"``.

    Raises:
        ValueError: At an unknown variant, no layers, or shapes that do not agree.

    >>> half = torch.full((1, 1, 1, 2, 2), 0.5)
    >>> noun_tokens, masks = torch.tensor([[[True]]]), torch.tensor([[[[True, False]]]])
    >>> pixel_loss([half], [half], noun_tokens, masks)
    tensor(0.6931)
    """
    _require_variant(variant)
    _require_layers(attention, noun_tokens, masks, others)
    # Attention's backward multiplies the gradient 1/A by A again, but receives it in the precision of the maps.
    floor = max(SMALLEST_DIVISOR, 1 / torch.finfo(attention[0].dtype).max)
    losses_b = []
    for layers, resized_masks, supervised_bn in _resolutions(attention, noun_tokens, masks):
        maps_lbnhw = torch.stack([_noun_maps(attention[layer], noun_tokens) for layer in layers])
        others_lbnhw = torch.stack([_full_precision(others[layer]).mean(dim=1) for layer in layers])
        if variant == "code":
            entropy_bn = _cross_entropy(maps_lbnhw.mean(dim=0), others_lbnhw.mean(dim=0), resized_masks, floor)
            losses_b.append(_mean_where(supervised_bn, entropy_bn))
        else:
            entropy_bn = _cross_entropy(maps_lbnhw, others_lbnhw, resized_masks, floor).sum(dim=0)
            losses_b.append(_sum_where(supervised_bn, entropy_bn) / text_tokens)
    return torch.stack(losses_b).sum(dim=0).mean()


def info_nce(
    positive: Tensor,
    negative: Tensor,
    text: Tensor,
    has_negative: Tensor | None = None,
    temperature: float | Tensor = 0.07,
    others: Tensor | None = None,
    is_other: Tensor | None = None,
) -> Tensor:
    """Measure how well each caption tells its image from the hard negative, by cosine; a row without any counts zero.

    Args:
        positive: Features of the images, ``[b, p]``.
        negative: Features of their hard negatives, ``[b, p]``; anything finite where there is none.
        text: Features of the captions, ``[b, p]``.
        has_negative: Which rows have a hard negative, bool ``[b]``; None = all.
        temperature: Above 0; a scalar tensor to learn it.
        others: Further candidates, such as the images of other pairs, ``[m, p]``; None = none.
        is_other: Which of them are negatives of which row, bool ``[b, m]``; None = all of all.

    Raises:
        ValueError: At a temperature that is not above 0, or shapes that do not agree.

    >>> info_nce(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 0.0]]), temperature=1.0)
    tensor(0.3133)
    """
    if not isinstance(temperature, Tensor) and not temperature > 0:
        raise ValueError(f"Expected `temperature` to be above 0, got {temperature}.")
    others = positive[:0] if others is None else others
    has_negative = text.new_ones(len(text), dtype=torch.bool) if has_negative is None else has_negative
    is_other = text.new_ones(len(text), len(others), dtype=torch.bool) if is_other is None else is_other
    _require_shapes(
        text=("bp", text), others=("mp", others), is_other=("bm", is_other), has_negative=("b", has_negative)
    )
    positive_b, negative_b = pair_similarities(positive, negative, text)
    other_bm = _einsum("bp,mp->bm", _direction(text), _direction(others))
    # EvoGen's contrastive loss. Column 0 is every row's own positive.
    logits = torch.cat((positive_b[:, None], negative_b[:, None], other_bm), dim=1) / temperature
    absent = torch.cat((torch.zeros_like(has_negative)[:, None], ~has_negative[:, None], ~is_other), dim=1)
    own_positive = torch.zeros(len(logits), dtype=torch.long, device=logits.device)
    return functional.cross_entropy(logits.masked_fill(absent, -torch.inf), own_positive)


def pair_similarities(positive: Tensor, negative: Tensor, text: Tensor) -> tuple[Tensor, Tensor]:
    """Return the cosines of captions with images, and with hard negatives, ``[b]`` each; 0 for a vector of zeros.

    Args:
        positive: Features of the images, ``[b, p]``.
        negative: Features of their hard negatives, ``[b, p]``.
        text: Features of the captions, ``[b, p]``.

    Raises:
        ValueError: At shapes that do not agree.

    >>> pair_similarities(torch.tensor([[2.0, 0.0]]), torch.tensor([[0.0, 1.0]]), torch.tensor([[3.0, 0.0]]))
    (tensor([1.]), tensor([0.]))
    """
    _require_shapes(positive=("bp", positive), negative=("bp", negative), text=("bp", text))
    text_bp = _direction(text)
    return (_direction(positive) * text_bp).sum(dim=1), (_direction(negative) * text_bp).sum(dim=1)


@torch.no_grad()
def in_mask_share(attention: Layers, noun_tokens: Tensor, masks: Tensor) -> Tensor:
    """Return each sample's share of attention inside the masks, ``[b]``, without gradient; NaN without a noun.

    The mean over heads, tokens, the nouns supervised at a layer's resolution, and the layers that have any.

    Args:
        attention: Of each layer, the probability of every token, ``[b, a, k, h, w]``.
        noun_tokens: Which tokens are which noun's, bool ``[b, n, k]``.
        masks: Of the nouns, bool ``[b, n, H, W]``.

    Raises:
        ValueError: At no layers, or shapes that do not agree.

    >>> attention = torch.tensor([0.2, 0.6]).view(1, 1, 1, 1, 2)
    >>> in_mask_share([attention], torch.tensor([[[True]]]), torch.tensor([[[[True, False]]]]))
    tensor([0.2500])
    """
    _require_layers(attention, noun_tokens, masks)
    shares_b = []
    for layers, resized_masks, supervised_bn in _resolutions(attention, noun_tokens, masks):
        for layer in layers:
            share_bn = _mean_where(noun_tokens, 1 - _outside_share_of_tokens(attention[layer], resized_masks))
            shares_b.append(_sum_where(supervised_bn, share_bn) / supervised_bn.sum(dim=1))
    return torch.stack(shares_b).nanmean(dim=0)


def resize_masks(masks: Tensor, height: int, width: int) -> Tensor:
    """Resize as TokenCompose's program: bilinear without antialiasing, then all above zero; small objects may vanish.

    Args:
        masks: Bool ``[b, n, H, W]``.
        height: Of the result, bool ``[b, n, height, width]``.
        width: Likewise.

    >>> resize_masks(torch.tensor([[[[True, False, False, False]]]]), 1, 2)
    tensor([[[[ True, False]]]])
    """
    return functional.interpolate(masks.float(), (height, width), mode="bilinear", antialias=False) > 0


def _squared_error_of_tokens(attention: Tensor, noun_tokens: Tensor, masks: Tensor) -> Tensor:
    # TokenCompose's program, get_grounding_loss_by_layer: 1/|T_i| sum_k (1 - mean_heads share_k)^2.
    return _mean_where(noun_tokens, _outside_share_of_tokens(attention, masks).square())


def _error_of_nouns(attention: Tensor, noun_tokens: Tensor, masks: Tensor) -> Tensor:
    # TokenCompose's paper, L_token: 1 - sum_{u in B_i} A_(i,u) / sum_u A_(i,u).
    return _outside_share("bnhw,bsnhw->sbn", _noun_maps(attention, noun_tokens), masks)


def _cross_entropy(maps: Tensor, others: Tensor, masks: Tensor, floor: float) -> Tensor:
    # TokenCompose's paper, L_pixel: the mean over positions of -[M log A + (1 - M) log(1 - A)].
    log_noun, log_others = (each.clamp(min=floor).log() for each in (maps, others))
    return -torch.where(masks, log_noun, log_others).mean(dim=(-2, -1))


def _outside_share_of_tokens(attention: Tensor, masks: Tensor) -> Tensor:
    """The mean over heads of each token's share outside of each noun's mask, ``[b, n, k]``."""
    return _outside_share("bakhw,bsnhw->sbank", _full_precision(attention), masks).mean(dim=1)


def _outside_share(equation: str, maps: Tensor, masks: Tensor) -> Tensor:
    """1 - inside / (inside + outside), without cancellation; 1 and no gradient where there is no mass at all."""
    inside, outside = _einsum(equation, maps, torch.stack((masks, ~masks), dim=1).to(maps.dtype))
    total = inside + outside
    some = total > SMALLEST_DIVISOR
    # Before the division: the NaN of a quotient that `where` drops afterwards would still spoil the gradient.
    return torch.where(some, outside, 1) / torch.where(some, total, 1)


def _noun_maps(attention: Tensor, noun_tokens: Tensor) -> Tensor:
    """The sum of each noun's tokens, averaged over heads, ``[b, n, h, w]``."""
    maps_bkhw = _full_precision(attention).mean(dim=1)
    return _einsum("bkhw,bnk->bnhw", maps_bkhw, noun_tokens.to(maps_bkhw.dtype))


def _sum_where(chosen: Tensor, values: Tensor) -> Tensor:
    return torch.where(chosen, values, 0).sum(dim=-1)


def _mean_where(chosen: Tensor, values: Tensor) -> Tensor:
    """The mean of the chosen along the last dimension; 0 of none."""
    return _sum_where(chosen, values) / chosen.sum(dim=-1).clamp(min=1)


def _direction(vectors: Tensor) -> Tensor:
    """Vectors of length 1; a vector of zeros stays, with a gradient of ordinary size."""
    lengths = torch.linalg.vector_norm(_full_precision(vectors), dim=1, keepdim=True)
    return _full_precision(vectors) / torch.where(lengths > SMALLEST_DIVISOR, lengths, 1)


def _full_precision(tensor: Tensor) -> Tensor:
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def _einsum(equation: str, left: Tensor, right: Tensor) -> Tensor:
    # Autocast would compute it in half precision.
    with torch.autocast(left.device.type, enabled=False):
        return torch.einsum(equation, left, right)


def _resolutions(attention: Layers, noun_tokens: Tensor, masks: Tensor) -> Iterator[tuple[list[int], Tensor, Tensor]]:
    """Yield the indices of the layers of one resolution, the masks resized to it, and the nouns supervised there."""
    sizes = [(layer.shape[-2], layer.shape[-1]) for layer in attention]
    for size in dict.fromkeys(sizes):
        resized_masks = resize_masks(masks, *size)
        supervised_bn = noun_tokens.any(dim=2) & resized_masks.flatten(2).any(dim=2)
        yield [index for index, each in enumerate(sizes) if each == size], resized_masks, supervised_bn


def _require_variant(variant: str) -> None:
    if variant not in VARIANTS:
        raise ValueError(f"Expected `variant` to be one of {list(VARIANTS)}, got {variant!r}.")


def _require_layers(attention: Layers, noun_tokens: Tensor, masks: Tensor, others: Layers | None = None) -> None:
    if not attention or (others is not None and len(others) != len(attention)):
        got = f"{len(attention)} of attention" + ("" if others is None else f" and {len(others)} of others")
        raise ValueError(f"Expected at least one layer, as many of `attention` as of `others`, got {got}.")
    for index, layer in enumerate(attention):
        mass = {} if others is None else {"others": ("banhw", others[index])}
        _require_shapes(attention=("bakhw", layer), noun_tokens=("bnk", noun_tokens), masks=("bnHW", masks), **mass)


def _require_shapes(**tensors: tuple[str, Tensor]) -> None:
    """Check that every tensor has its dimensions, one a letter, and that those of one letter are equal."""
    sizes: dict[str, int] = {}
    for letters, tensor in tensors.values():
        if tensor.ndim != len(letters) or any(
            sizes.setdefault(letter, size) != size for letter, size in zip(letters, tensor.shape, strict=True)
        ):
            expected = ", ".join(f"`{name}` [{' '.join(each)}]" for name, (each, _) in tensors.items())
            got = ", ".join(f"{name} {list(each.shape)}" for name, (_, each) in tensors.items())
            raise ValueError(f"Expected {expected} with equal sizes for equal letters, got {got}.")
