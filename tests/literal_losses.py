"""The losses written from their formulas, one element after the other, in float64."""

import math
from fractions import Fraction

import torch

LEAST_LOGARITHM = -100  # of torch's binary cross entropy, which the authors' program calls


def literal_masks(masks, height, width):
    """Bilinear without antialiasing, then > 0: a position is set when a pixel with a weight is."""
    rows, columns = (
        [_weighted(i, old, new) for i in range(new)] for old, new in zip(masks.shape[-2:], (height, width), strict=True)
    )
    resized = [
        [[[any(mask[y][x] for y in ys for x in xs) for xs in columns] for ys in rows] for mask in sample]
        for sample in masks.tolist()
    ]
    return torch.tensor(resized, dtype=torch.bool)


def _weighted(index, old, new):
    source = max(Fraction(2 * index + 1, 2) * Fraction(old, new) - Fraction(1, 2), Fraction(0))
    low = math.floor(source)
    return {low} if source == low else {low, min(low + 1, old - 1)}


def literal_token_loss(attention, noun_tokens, masks, variant):
    total = 0.0
    for sample in range(len(masks)):
        for size in {tuple(layer.shape[-2:]) for layer in attention}:
            resized = literal_masks(masks[sample : sample + 1], *size)[0]
            nouns = _supervised(noun_tokens[sample], resized)
            for layer in attention:
                if tuple(layer.shape[-2:]) == size:
                    for noun, tokens in nouns.items():
                        error = _squared_error if variant == "code" else _error_of_sum
                        total = total + error(layer[sample], tokens, resized[noun]) / len(nouns)
    return total / len(masks)


def _squared_error(layer, tokens, mask):
    heads, total = len(layer), 0.0
    for token in tokens:
        share = 0.0
        for head in range(heads):
            inside = sum(layer[head, token, y, x] for y, x in _positions(mask) if mask[y, x])
            everywhere = sum(layer[head, token, y, x] for y, x in _positions(mask))
            share = share + inside / everywhere / heads
        total = total + (1 - share) ** 2 / len(tokens)
    return total


def _error_of_sum(layer, tokens, mask):
    attention = {(y, x): _noun_at(layer, tokens, y, x) for y, x in _positions(mask)}
    inside = sum(attention[y, x] for y, x in _positions(mask) if mask[y, x])
    return 1 - inside / sum(attention.values())


def literal_pixel_loss(attention, others, noun_tokens, masks, variant, text_tokens=77):
    total = 0.0
    for sample in range(len(masks)):
        for size in {tuple(layer.shape[-2:]) for layer in attention}:
            group = [index for index, layer in enumerate(attention) if tuple(layer.shape[-2:]) == size]
            resized = literal_masks(masks[sample : sample + 1], *size)[0]
            nouns = _supervised(noun_tokens[sample], resized)
            for noun, tokens in nouns.items():
                layers = [(attention[each][sample], others[each][sample, :, noun]) for each in group]
                if variant == "code":
                    total = total + _entropy(layers, tokens, resized[noun]) / len(nouns)
                else:
                    total = total + sum(_entropy([each], tokens, resized[noun]) for each in layers) / text_tokens
    return total / len(masks)


def _entropy(layers, tokens, mask):
    total = 0.0
    for y, x in _positions(mask):
        noun = sum(_noun_at(layer, tokens, y, x) for layer, _ in layers) / len(layers)
        rest = sum(other[:, y, x].sum() / len(other) for _, other in layers) / len(layers)
        total = total - torch.log(torch.clamp(noun if mask[y, x] else rest, min=math.exp(LEAST_LOGARITHM)))
    return total / mask.numel()


def literal_share(attention, noun_tokens, masks):
    shares = []
    for sample in range(len(masks)):
        layers = []
        for layer in attention:
            resized = literal_masks(masks[sample : sample + 1], *layer.shape[-2:])[0]
            nouns = [
                sum((head[token][resized[noun]].sum() / head[token].sum()).item() for head in layer[sample])
                / len(layer[sample])
                for noun, tokens in _supervised(noun_tokens[sample], resized).items()
                for token in tokens
            ]
            weights = [1 / len(tokens) for tokens in _supervised(noun_tokens[sample], resized).values() for _ in tokens]
            if nouns:
                layers.append(sum(map(math.prod, zip(nouns, weights, strict=True))) / sum(weights))
        shares.append(sum(layers) / len(layers) if layers else math.nan)
    return shares


def literal_info_nce(positive, negative, text, has_negative, temperature, others=(), is_other=None):
    total = 0.0
    for row in range(len(text)):
        own = torch.exp(_cosine(positive[row], text[row]) / temperature)
        candidates = [negative[row]] if has_negative[row] else []
        candidates += [other for index, other in enumerate(others) if is_other[row, index]]
        against = sum(torch.exp(_cosine(each, text[row]) / temperature) for each in candidates)
        total = total - torch.log(own / (own + against))
    return total / len(text)


def _cosine(left, right):
    return (left @ right) / (left @ left).sqrt() / (right @ right).sqrt()


def _supervised(noun_tokens, resized):
    """The tokens of each noun that has some, and a mask at this resolution."""
    return {
        noun: [token for token, member in enumerate(members) if member]
        for noun, members in enumerate(noun_tokens.tolist())
        if any(members) and resized[noun].any()
    }


def _noun_at(layer, tokens, y, x):
    """The sum over the noun's tokens of the mean over heads, at one position."""
    return sum(layer[head, token, y, x] for head in range(len(layer)) for token in tokens) / len(layer)


def _positions(mask):
    return [(y, x) for y in range(mask.shape[0]) for x in range(mask.shape[1])]
