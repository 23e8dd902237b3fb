"""A table from somebody else points into the shards that there are, or is refused."""

import hashlib
import json

import numpy as np
import pytest

from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.table import INDEX, TABLE


def forge(root, change):
    """Replace the table by what `change` returns or does to it, and let `index.json` vouch for it."""
    table = np.load(root / TABLE)
    changed = change(table)
    np.save(root / TABLE, table if changed is None else changed)
    fields = json.loads((root / INDEX).read_text())
    fields["table_sha256"] = hashlib.sha256((root / TABLE).read_bytes()).hexdigest()
    (root / INDEX).write_text(json.dumps(fields))


def put(value, *places):
    def change(table):
        column = table
        for place in places[:-1]:
            column = column[place]
        column[places[-1]] = value

    return change


def test_rows_are_those_of_the_table(write_set):
    shards = ShardSet(write_set())
    for number in range(len(shards)):
        entry, row = shards.table[number], shards._rows[number]
        assert (row.key, row.shard) == (bytes(entry["key"]), entry["shard"])
        assert [tuple(member) for member in row.members] == entry["members"].tolist()


@pytest.mark.parametrize(
    "change",
    [
        put(6, "shard", 3),
        put(2**32 - 1, "shard", 3),
        put(3, "stage", 0),
        put(255, "category", 8),
        put(9, "members", "suffix", (8, 2)),
        put(-1, "members", "offset", (0, 0)),
        lambda table: table[None],
        lambda table: table["key"],
        lambda table: np.arange(9),
        lambda table: table.astype(table.dtype.newbyteorder(">")),
    ],
)
def test_rows_that_point_nowhere_are_refused_at_once(write_set, change):
    root = write_set()
    forge(root, change)
    with pytest.raises(ShardError) as caught:
        ShardSet(root)
    assert caught.value.reason == "stale_index"


@pytest.mark.parametrize(
    ("key", "reason"), [(b"\xff\xfe", "bad_key"), (b"../../a", "dot_in_key"), (b"", "empty_key"), (b"a\x1b", "bad_key")]
)
def test_keys_that_no_set_may_have_are_refused_when_read(write_set, key, reason):
    root = write_set()
    forge(root, put(key, "key", 0))
    shards = ShardSet(root)
    for read in (shards.key, shards.read, shards.annotation):
        with pytest.raises(ShardError) as caught:
            read(0)
        assert caught.value.reason == reason
    assert shards.read(1).key == shards.key(1)


@pytest.mark.parametrize("row", [9, 10**9, -10])
def test_a_row_behind_the_last_is_an_error(write_set, row):
    with pytest.raises(IndexError):
        ShardSet(write_set()).read(row)
