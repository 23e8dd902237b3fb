"""Forged indexes: somebody else's `index.json` and `index.npy` come with a downloaded set."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib import recfunctions

from lightning_compose.data.shards.table import INDEX, TABLE
from tests.data.fuzz.damage import Mutation, canary_pickle
from tests.data.fuzz.hostile_annotations import replace_somewhere
from tests.data.fuzz.small_set import Target


def odd_index_value(rng: np.random.Generator, target: Target) -> None:
    target.change_index(lambda fields: replace_somewhere(rng, fields))


def index_text(rng: np.random.Generator, target: Target) -> None:
    texts = [b"", b"[" * 200_000, b"{" * 99, b"\xff", b"9" * 100_000, b"null", b'{"a":' * 100_000, b"[]"]
    (target.root / INDEX).write_bytes(texts[rng.integers(len(texts))])


def foreign_path(rng: np.random.Generator, target: Target) -> None:
    paths = ["/etc/passwd", "../outside.tar", "single/../../outside.tar", "a\0b", "", ".", "..", "single", "~/x",
             "x" * 5000, "pipe:touch canary", "file:///etc/passwd", "C:\\x", "\ud800", INDEX]  # fmt: skip
    path = paths[rng.integers(len(paths))]

    def change(fields: Any) -> None:
        fields["shards"][0]["path"] = path

    (target.root.parent / "outside.tar").write_bytes(target.tar.read_bytes())
    target.change_index(change)


def forged_number(rng: np.random.Generator, target: Target) -> None:
    """A number of a row that is out of any range, or merely of its own."""

    def change(table: np.ndarray) -> np.ndarray:
        row = table[rng.integers(len(table)) :][:1]
        names = ["shard", "stage", "category", "suffix", "offset", "size", "crc32"]
        name = names[rng.integers(len(names))]
        column = row[name] if name in row.dtype.names else row["members"][name]
        column[...] = _odd_integer(rng, column.dtype)
        return table

    _change_table(target, change)


def forged_key(rng: np.random.Generator, target: Target) -> None:
    keys = [b"\xff\xfe", b"../../canary", b"", b"a\x1b[2J", b"%s%n", "\udcff".encode("utf-8", "surrogatepass")]
    key = keys[rng.integers(len(keys))]

    def change(table: np.ndarray) -> np.ndarray:
        table["key"][rng.integers(len(table))] = key
        return table

    _change_table(target, change)


def flipped_table_bits(rng: np.random.Generator, target: Target) -> None:
    data = bytearray((target.root / TABLE).read_bytes())
    for place in rng.integers(0, len(data), rng.integers(1, 9)):
        data[place] ^= 1 << int(rng.integers(8))
    _write_table(target, bytes(data))


def cut_table(rng: np.random.Generator, target: Target) -> None:
    data = (target.root / TABLE).read_bytes()
    _write_table(target, data[: rng.integers(len(data))])


def other_table(rng: np.random.Generator, target: Target) -> None:
    shapes = [
        lambda table: table["key"],
        lambda table: table[:0],
        lambda table: table[:-1],
        lambda table: np.concatenate([table, table]),
        lambda table: table[None],
        lambda table: table[0],
        lambda table: np.arange(9),
        lambda table: table.astype(table.dtype.newbyteorder(">")),
        lambda table: recfunctions.repack_fields(table[list(table.dtype.names)[::-1]]),
    ]
    _change_table(target, shapes[rng.integers(len(shapes))])


def pickled_table(rng: np.random.Generator, target: Target) -> None:
    if rng.random() < 0.5:
        _write_table(target, canary_pickle(target))
        return
    header = b"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"
    _write_table(target, _npy(header) + canary_pickle(target))


def odd_table_header(rng: np.random.Generator, target: Target) -> None:
    headers = [b"-" * 9_000 + b"1", b"(" * 9_000, b"[" * 60 + b"]" * 60, b"{'descr': '<i8'}", b"9" * 9_000,
               b"{'descr': '<i8', 'fortran_order': False, 'shape': (1000000000000,), }",
               b"{'descr': '<i8', 'fortran_order': False, 'shape': (-1,), }",
               b"{'descr': 'S99999999999', 'fortran_order': False, 'shape': (1,), }",
               b"{'descr': [('key', 'S1')] * 99999999, 'fortran_order': False, 'shape': (1,), }",
               b"\xff\xfe"]  # fmt: skip
    _write_table(target, _npy(headers[rng.integers(len(headers))]) + bytes(100))


def members_swapped(rng: np.random.Generator, target: Target) -> None:
    """A sample made of another's members: whole, by its checksums, but not what was indexed."""

    def change(table: np.ndarray) -> np.ndarray:
        table["members"][0, 0], table["members"][1, 0] = table["members"][1, 0].copy(), table["members"][0, 0].copy()
        return table

    _change_table(target, change)


def _odd_integer(rng: np.random.Generator, dtype: np.dtype) -> int:
    low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
    choices = [low, high, max(low, -1), 2**28 if high > 2**28 else high, 255]
    return int(choices[rng.integers(len(choices))])


def _change_table(target: Target, change: Callable[[np.ndarray], np.ndarray]) -> None:
    table = change(np.load(target.root / TABLE))
    buffer = io.BytesIO()
    np.save(buffer, table)
    _write_table(target, buffer.getvalue())


def _write_table(target: Target, data: bytes) -> None:
    (target.root / TABLE).write_bytes(data)
    target.sign_table()


def _npy(header: bytes) -> bytes:
    header = header + b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


FORGED_INDEX: tuple[Mutation, ...] = (
    odd_index_value, index_text, foreign_path, forged_number, forged_key, flipped_table_bits, cut_table, other_table,
    pickled_table, odd_table_header, members_swapped,
)  # fmt: skip
