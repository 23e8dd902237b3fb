"""Hostile annotations, with checksums that fit: the index vouches for them."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.data.fuzz.damage import Mutation, canary_pickle
from tests.data.fuzz.small_set import SIDE_PX, Target

# Just under the cap of 4 MiB on an annotation.
FULL_BYTES = 4_100_000
ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 2**70, -(2**70), 1e308, 0.5, "", "\ud800", "\0", "a" * 5000, [], [[]], {},
    {"a": 1}, [0, 1, 2], [[2, 1]], "../../etc/passwd",
)  # fmt: skip


def odd_value(rng: np.random.Generator, target: Target) -> None:
    """Replace a value anywhere in the tree."""
    _change(rng, target, lambda fields: replace_somewhere(rng, fields))


def flipped_json_bits(rng: np.random.Generator, target: Target) -> None:
    def change(data: bytes) -> bytes:
        changed = bytearray(data)
        for place in rng.integers(0, len(data), rng.integers(1, 5)):
            changed[place] ^= 1 << int(rng.integers(8))
        return bytes(changed)

    _change_bytes(rng, target, change)


def cut_json(rng: np.random.Generator, target: Target) -> None:
    _change_bytes(rng, target, lambda data: data[: rng.integers(len(data))])


def odd_encoding(rng: np.random.Generator, target: Target) -> None:
    encoding = ["utf-8-sig", "utf-16", "utf-32", "cp037"][rng.integers(4)]
    _change_bytes(rng, target, lambda data: data.decode().encode(encoding))


def pickle_as_json(rng: np.random.Generator, target: Target) -> None:
    _change_bytes(rng, target, lambda _: canary_pickle(target))


def deep_nesting(rng: np.random.Generator, target: Target) -> None:
    start, end = [(b"[", b"]"), (b'{"a":', b"}")][rng.integers(2)]
    depth = int(rng.integers(900, 200_000))
    value = start * depth + b"0" + end * depth
    _change_bytes(rng, target, lambda data: data[:-1] + b',"source":{"a":' + value + b"}}")


def huge_integer(rng: np.random.Generator, target: Target) -> None:
    digits = b"9" * int(rng.integers(20, FULL_BYTES))
    place = [b"mask", b"x", b"id"][rng.integers(3)]
    _change_bytes(rng, target, lambda data: data[:-1] + b',"nouns":[{"' + place + b'":' + digits + b"}]}")


def wide(rng: np.random.Generator, target: Target) -> None:
    item = [b"[],", b"{},", b'"",', b"0.5,"][rng.integers(4)]
    value = item * (FULL_BYTES // len(item))
    _change_bytes(rng, target, lambda data: data[:-1] + b',"more":[' + value + b"0]}")


def over_the_cap(rng: np.random.Generator, target: Target) -> None:
    _change_bytes(rng, target, lambda data: data[:-1] + b',"more":[' + b"[]," * 6_000_000 + b"0]}")


def long_caption(rng: np.random.Generator, target: Target) -> None:
    _change(rng, target, lambda fields: fields.update(caption="left " * 800_000, nouns=[]))


def many_spans(rng: np.random.Generator, target: Target) -> None:
    """One long noun at very many places: each must be compared with the caption."""
    length = int(rng.choice([9_000, 1_000_000]))
    spans = [[0, length]] * ((FULL_BYTES - 2 * length) // 14)
    noun = {"text": "a" * length, "spans": spans}
    _change(rng, target, lambda fields: fields.update(caption="a" * length, nouns=[noun]))


def many_nouns(rng: np.random.Generator, target: Target) -> None:
    nouns = [{"text": "a", "spans": [[0, 1]], "mask": 0}] * 50_000
    mask = {"size": [SIDE_PX, SIDE_PX], "counts": "PP1"}
    _change(rng, target, lambda fields: fields.update(caption="a", nouns=nouns, masks=[mask]))


def huge_mask(rng: np.random.Generator, target: Target) -> None:
    sides = [(8000, 7990), (30_000, 30_000), (2**31, 2**31), (2**70, 1), (1, 64_000_000)]
    height, width = sides[rng.integers(len(sides))]
    _change_mask(rng, target, [height, width], run(height * width))


def odd_runs(rng: np.random.Generator, target: Target) -> None:
    counts = ["o" * 5 + "0", "o" * 1000, ("o" * 5 + "0") * 100_000, "", "0" * 100_000, "PPPPPPPPPPPP1", "\u00e9", "N;",
              "".join(chr(each) for each in rng.integers(48, 112, 40))]  # fmt: skip
    _change_mask(rng, target, [SIDE_PX, SIDE_PX], counts[rng.integers(len(counts))])


def many_masks(rng: np.random.Generator, target: Target) -> None:
    mask = {"size": [SIDE_PX, SIDE_PX], "counts": run(SIDE_PX**2)}
    _change(rng, target, lambda fields: fields.update(masks=[mask] * 20_000))


def replace_somewhere(rng: np.random.Generator, tree: Any) -> Any:
    """Replace a random node of a JSON tree, in place, and return the tree, or what replaces all of it."""
    nodes: list[tuple[Any, Any]] = []
    _collect(tree, nodes)
    odd = ODD_VALUES[rng.integers(len(ODD_VALUES))]
    if not nodes or rng.random() < 0.02:
        return odd
    parent, place = nodes[rng.integers(len(nodes))]
    if rng.random() < 0.2:
        del parent[place]
    else:
        parent[place] = odd
    return tree


def run(length: int) -> str:
    """Return the characters of one run."""
    groups = []
    while length > 15 or not groups or length:
        groups.append(length & 31)
        length >>= 5
        if not length and groups[-1] < 16:
            break
    return "".join(chr(48 + each + 32 * (place + 1 < len(groups))) for place, each in enumerate(groups))


def _collect(node: Any, nodes: list[tuple[Any, Any]]) -> None:
    places = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
    for place in places:
        nodes.append((node, place))
        _collect(node[place], nodes)


def _change_mask(rng: np.random.Generator, target: Target, size: list[int], counts: str) -> None:
    def change(fields: dict[str, Any]) -> None:
        fields.update(caption="a", nouns=[{"text": "a", "spans": [[0, 1]], "mask": 0}])
        fields["masks"] = [{"size": size, "counts": counts}]

    _change(rng, target, change)


def _change(rng: np.random.Generator, target: Target, change: Callable[[dict[str, Any]], Any]) -> None:
    def rewritten(data: bytes) -> bytes:
        fields = json.loads(data)
        changed = change(fields)
        return json.dumps(fields if changed is None else changed).encode()

    _change_bytes(rng, target, rewritten)


def _change_bytes(rng: np.random.Generator, target: Target, change: Callable[[bytes], bytes]) -> None:
    key = list(target.samples)[rng.integers(len(target.samples))]
    target.samples[key]["json"] = change(target.samples[key]["json"])
    target.repack()


HOSTILE_ANNOTATIONS: tuple[Mutation, ...] = (
    odd_value, flipped_json_bits, cut_json, odd_encoding, pickle_as_json, deep_nesting, huge_integer, wide,
    over_the_cap, long_caption, many_spans, many_nouns, huge_mask, odd_runs, many_masks,
)  # fmt: skip
