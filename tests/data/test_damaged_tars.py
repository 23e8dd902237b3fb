"""Damaged tars: refused when a set is indexed or read, as a whole or by the sample, never a part of one; claim C15."""

import shutil

import pytest
from damaged_sets import members_of, pack, repack

from lightning_compose.data.shards import ShardError, ShardSet, index_shards
from lightning_compose.data.shards.refusals import read_refused


def rewritten(change):
    return lambda path: repack(path, change)


def cut_at(place):
    def damage(path):
        members = [member for member, _ in members_of(path)]
        at = {
            "data": members[1].offset_data + 7,
            "header": members[1].offset + 100,
            "member": members[1].offset,
            "sample": members[3].offset,
        }[place]
        with path.open("r+b") as file:
            file.truncate(at)

    return damage


def overwrite(content, length):
    def damage(path):
        with path.open("r+b") as file:
            file.seek(members_of(path)[3][0].offset)
            file.write(content * length)

    return damage


def renamed(content, old, new):
    """The first sample has three members."""
    return [(name.replace(old, new, 1) if at < 3 else name, data) for at, (name, data) in enumerate(content)]


# By what is damaged in the first tar of three samples: the reason, and which of its samples are left by `skip`.
TARS = {
    "cut in data": (cut_at("data"), "damaged_tar", []),
    "cut in a header": (cut_at("header"), "damaged_tar", []),
    "cut at a member": (cut_at("member"), "damaged_tar", []),
    "cut at a sample": (cut_at("sample"), "damaged_tar", []),
    "a bad header": (overwrite(b"x", 512), "damaged_tar", []),
    "zero blocks": (overwrite(b"\0", 1024), "damaged_tar", []),
    "compressed": (lambda path: path.write_bytes(b"\x1f\x8b" + path.read_bytes()), "compressed", []),
    "no members": (lambda path: pack(path, []), "empty_shard", []),
    "members not adjacent": (rewritten(lambda each: [*each[1:], each[0]]), "members_not_adjacent", [1, 2]),
    "a key twice": (rewritten(lambda each: [*each, *each[:3]]), "duplicate_key", [1, 2]),
    "a member twice": (rewritten(lambda each: [each[0], *each]), "duplicate_member", [1, 2]),
    "a dot in a key": (rewritten(lambda each: renamed(each, "0", "0.")), "dot_in_key", [1, 2]),
    "no annotation": (rewritten(lambda each: each[:2] + each[3:]), "partial_sample", [1, 2]),
    "no positive": (rewritten(lambda each: each[1:]), "partial_sample", [1, 2]),
    "a negative in an unknown format": (
        rewritten(lambda each: renamed(each, "negative.webp", "negative.gif")),
        "unknown_suffix",
        [1, 2],
    ),
}


@pytest.fixture
def two_tars(write_set, make_sample):
    """Six samples in two tars, three in each, and the samples by key."""
    samples = [make_sample(number, stage="single") for number in range(6)]
    return write_set(samples, samples_per_shard=3), {sample.key: sample for sample in samples}


@pytest.mark.parametrize("case", TARS)
def test_c15_a_damaged_tar_is_refused_when_it_is_indexed(two_tars, case):
    root, _ = two_tars
    damage, reason, _ = TARS[case]
    damage(root / "single/000000.tar")
    before = (root / "index.json").read_bytes()
    with pytest.raises(ShardError) as caught:
        index_shards(root, progress=False)
    assert (caught.value.path, caught.value.reason) == (str(root / "single/000000.tar"), reason)
    assert (root / "index.json").read_bytes() == before


@pytest.mark.parametrize("case", TARS)
def test_c15_or_what_is_whole_of_it_is_indexed_and_never_a_part_of_a_sample(two_tars, case):
    root, samples = two_tars
    damage, reason, left = TARS[case]
    damage(root / "single/000000.tar")
    refused = index_shards(root, progress=False, on_bad_sample="skip")
    assert {(each.shard, each.reason) for each in refused} == {("single/000000.tar", reason)}
    shards = ShardSet(root)
    assert read_refused(shards.files.header(), root) == refused
    read = [shards.read(row) for row in range(len(shards))]
    assert [sample.key for sample in read] == [f"{number:09d}" for number in [*left, 3, 4, 5]]
    assert all(sample == samples[sample.key] for sample in read)
    assert [shard.samples for shard in shards.shards] == [len(left), 3][not left :]


@pytest.mark.parametrize("case", TARS)
def test_c15_damage_after_indexing_is_found_when_it_is_read(two_tars, case):
    root, samples = two_tars
    open_already = ShardSet(root)
    TARS[case][0](root / "single/000000.tar")
    refused = set()
    for row in range(6):
        try:
            sample = open_already.read(row)
        except ShardError:
            refused.add(row)
        else:
            assert sample == samples[sample.key], "what is read at all is whole"
    assert refused <= {0, 1, 2}


def test_c15_a_key_of_two_tars_is_left_out_of_both(two_tars):
    root, _ = two_tars
    shutil.copy(root / "single/000000.tar", root / "single/000002.tar")
    refused = index_shards(root, progress=False, on_bad_sample="skip")
    assert {(each.shard, each.reason) for each in refused} == {
        ("single/000000.tar", "duplicate_key"),
        ("single/000002.tar", "duplicate_key"),
    }
    assert len(refused) == 6
    assert [ShardSet(root).key(row) for row in range(3)] == ["000000003", "000000004", "000000005"]


def test_c15_a_set_without_a_good_sample_gets_no_index(two_tars):
    root, _ = two_tars
    for path in root.glob("single/*.tar"):
        pack(path, [])
    (root / "index.json").unlink()
    with pytest.raises(ShardError, match="2 refusals alone"):
        index_shards(root, progress=False, on_bad_sample="skip")
    assert not (root / "index.json").exists()
