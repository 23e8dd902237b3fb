"""Damage to the bytes of a tar: what disks, networks and other packers do to it, and forged headers."""

import gzip
import io
import os
import tarfile
from collections.abc import Callable

import numpy as np

from tests.data.fuzz.small_set import Target, packed

Mutation = Callable[[np.random.Generator, Target], None]
BLOCK = tarfile.BLOCKSIZE


def flipped_bits(rng: np.random.Generator, target: Target) -> None:
    def change(data: bytearray) -> bytearray:
        for place in rng.integers(0, len(data), rng.integers(1, 9)):
            data[place] ^= 1 << int(rng.integers(8))
        return data

    target.change_tar(change)


def noise(rng: np.random.Generator, target: Target) -> None:
    def change(data: bytearray) -> bytearray:
        start = int(rng.integers(len(data)))
        data[start : start + 300] = rng.bytes(len(data[start : start + 300]))
        return data

    target.change_tar(change)


def cut(rng: np.random.Generator, target: Target) -> None:
    target.change_tar(lambda data: data[: rng.integers(len(data))])


def cut_at_a_block(rng: np.random.Generator, target: Target) -> None:
    target.change_tar(lambda data: data[: BLOCK * rng.integers(len(data) // BLOCK)])


def cut_unseen(rng: np.random.Generator, target: Target) -> None:
    """Cut after the index was opened for size: the file ends early, its stated size does not."""
    size = target.tar.stat().st_size
    target.change_tar(lambda data: data[: rng.integers(len(data))])
    os.truncate(target.tar, size)


def zero_block(rng: np.random.Generator, target: Target) -> None:
    _replace_block(rng, target, bytes(BLOCK))


def foreign_block(rng: np.random.Generator, target: Target) -> None:
    _replace_block(rng, target, rng.bytes(BLOCK))


def doubled_block(rng: np.random.Generator, target: Target) -> None:
    def change(data: bytearray) -> bytearray:
        start = BLOCK * int(rng.integers(len(data) // BLOCK))
        return data[: start + BLOCK] + data[start:]

    target.change_tar(change)


def lost_block(rng: np.random.Generator, target: Target) -> None:
    def change(data: bytearray) -> bytearray:
        start = BLOCK * int(rng.integers(len(data) // BLOCK))
        return data[:start] + data[start + BLOCK :]

    target.change_tar(change)


def tail(rng: np.random.Generator, target: Target) -> None:
    target.change_tar(lambda data: data + rng.bytes(int(rng.integers(1, 3000))))


def second_tar_behind(rng: np.random.Generator, target: Target) -> None:
    target.change_tar(lambda data: data * 2)


def shuffled_members(rng: np.random.Generator, target: Target) -> None:
    members = _members(target)
    target.change_tar(lambda _: packed([members[place] for place in rng.permutation(len(members))]))


def shuffled_samples(rng: np.random.Generator, target: Target) -> None:
    keys = rng.permutation(list(target.samples)).tolist()
    order = {key: target.samples[key] for key in keys}
    members = [(f"{key}.{suffix}", data) for key, each in order.items() for suffix, data in each.items()]
    target.change_tar(lambda _: packed(members))


def lost_member(rng: np.random.Generator, target: Target) -> None:
    members = _members(target)
    del members[rng.integers(len(members))]
    target.change_tar(lambda _: packed(members))


def doubled_member(rng: np.random.Generator, target: Target) -> None:
    members = _members(target)
    members.insert(int(rng.integers(len(members))), members[rng.integers(len(members))])
    target.change_tar(lambda _: packed(members))


def odd_name(rng: np.random.Generator, target: Target) -> None:
    names = ["../../canary.json", "/tmp/canary.json", "a.b.json", "a/b.json", "a\\b.json", ".json", "a\x1b[2J.json",
             "k" * 90 + ".json", "a.JSON", "a.positive.jpg.json", "~/canary.json", "a b.json", "",
             "\udcff.json"]  # fmt: skip
    members = _members(target)
    place = rng.integers(len(members))
    name = names[rng.integers(len(names))]
    members[place] = name, members[place][1]
    target.change_tar(lambda _: _packed_odd(members))


def forged_size(rng: np.random.Generator, target: Target) -> None:
    sizes = [-1, -512, -(2**40), 2**28 + 1, 2**31, 2**33, 2**62, int(rng.integers(2**20))]
    member = tarfile.TarInfo("000.json")
    member.size = sizes[rng.integers(len(sizes))]
    _insert(rng, target, member.tobuf(tarfile.GNU_FORMAT))


def sparse_member(rng: np.random.Generator, target: Target) -> None:
    """Ten bytes that say they are two gigabytes."""
    member = tarfile.TarInfo("000.json")
    if rng.random() < 0.5:
        member.type, member.size = tarfile.GNUTYPE_SPARSE, BLOCK
        header = bytearray(member.tobuf(tarfile.GNU_FORMAT))
        header[386:410] = b"%011o\0%011o\0" % (2**31 - 1, 1)
        header[483:495] = b"%011o\0" % 2**31
        header[148:156] = b" " * 8
        header[148:156] = b"%06o\0 " % sum(header)
        blocks = bytes(header) + bytes(BLOCK)
    else:
        headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**31)}
        member.pax_headers, member.size = headers, BLOCK
        blocks = member.tobuf(tarfile.PAX_FORMAT) + b"1\n0\n2147483648\n".ljust(BLOCK, b"\0")
    _insert(rng, target, blocks)


def link_or_device(rng: np.random.Generator, target: Target) -> None:
    kinds = [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.DIRTYPE]
    member = tarfile.TarInfo("000.json")
    member.type, member.linkname = kinds[rng.integers(len(kinds))], "/etc/passwd"
    _insert(rng, target, member.tobuf(tarfile.GNU_FORMAT))


def pickle_member(rng: np.random.Generator, target: Target) -> None:
    suffix = ["pkl", "pickle", "pyd", "pth", "pt", "cbor", "mp", "npz"][rng.integers(8)]
    _insert(rng, target, _file(f"{next(iter(target.samples))}.{suffix}", canary_pickle(target)))


def gzip_member(rng: np.random.Generator, target: Target) -> None:
    bomb = gzip.compress(bytes(2**24), 9)
    _insert(rng, target, _file(f"{next(iter(target.samples))}.json.gz", bomb))


def compressed_tar(rng: np.random.Generator, target: Target) -> None:
    target.change_tar(lambda data: gzip.compress(data + bytes(2**22)))


def long_extended_header(rng: np.random.Generator, target: Target) -> None:
    """A PAX or GNU header that says it has gigabytes, or has as many digits as make its parser quadratic."""
    kinds = [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
    member = tarfile.TarInfo("000.json")
    member.type = kinds[rng.integers(len(kinds))]
    content = b"1" * 2**20
    member.size = len(content) if rng.random() < 0.5 else 2**36
    _insert(rng, target, member.tobuf(tarfile.GNU_FORMAT) + content)


def forged_extended_header(rng: np.random.Generator, target: Target) -> None:
    headers = [{"size": "-512"}, {"size": "9" * 30}, {"size": "x"}, {"path": "../../canary.json"}, {"path": ""},
               {"GNU.sparse.map": "x"}, {"hdrcharset": "BINARY"}, {"mtime": "nan"},
               {"GNU.sparse.size": "-1"}]  # fmt: skip
    member = tarfile.TarInfo("000.json")
    member.pax_headers = headers[rng.integers(len(headers))]
    _insert(rng, target, member.tobuf(tarfile.PAX_FORMAT))


def many_empty_members(rng: np.random.Generator, target: Target) -> None:
    blocks = b"".join(_file(f"{number}.json", b"") for number in range(2000))
    target.change_tar(lambda data: blocks + data)


def no_plain_file(rng: np.random.Generator, target: Target) -> None:
    """A folder, a pipe that would wait for ever, a device without end, or a way out of the set."""
    target.tar.unlink()
    kind = rng.integers(4)
    if kind == 0:
        target.tar.mkdir()
    elif kind == 1:
        os.mkfifo(target.tar)
    else:
        target.tar.symlink_to(["/dev/zero", "/etc/passwd"][kind - 2])


def canary_pickle(target: Target) -> bytes:
    """Return a pickle that leaves a file above the set if anybody loads it."""
    return b"cos\nsystem\n(S'touch " + os.fsencode(target.root.parent / "canary") + b"'\ntR."


def _replace_block(rng: np.random.Generator, target: Target, block: bytes) -> None:
    def change(data: bytearray) -> bytearray:
        start = BLOCK * int(rng.integers(len(data) // BLOCK))
        data[start : start + BLOCK] = block
        return data

    target.change_tar(change)


def _members(target: Target) -> list[tuple[str, bytes]]:
    return [(f"{key}.{suffix}", data) for key, each in target.samples.items() for suffix, data in each.items()]


def _file(name: str, data: bytes) -> bytes:
    member = tarfile.TarInfo(name)
    member.size = len(data)
    return member.tobuf(tarfile.GNU_FORMAT) + data + bytes(-len(data) % BLOCK)


def _packed_odd(members: list[tuple[str, bytes]]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()


def _insert(rng: np.random.Generator, target: Target, blocks: bytes) -> None:
    """Put blocks before one of the members."""
    with tarfile.open(target.tar) as tar:
        places = [member.offset for member in tar]
    place = places[rng.integers(len(places))]
    target.change_tar(lambda data: data[:place] + blocks + data[place:])


DAMAGE: tuple[Mutation, ...] = (
    flipped_bits, noise, cut, cut_at_a_block, cut_unseen, zero_block, foreign_block, doubled_block, lost_block, tail,
    second_tar_behind, shuffled_members, shuffled_samples, lost_member, doubled_member, odd_name, forged_size,
    sparse_member, link_or_device, pickle_member, gzip_member, compressed_tar, long_extended_header,
    forged_extended_header, many_empty_members, no_plain_file,
)  # fmt: skip
