"""Damaged, cut, compressed and odd tars are refused; those that common tools write are not."""

import gzip
import io
import os
import tarfile

import pytest

from lightning_compose.data.shards import ShardError
from lightning_compose.data.shards import tar as tar_module
from lightning_compose.data.shards.tar import list_members

CONTENT = {"a.json": b"{}" * 400, "b.json": b"x" * 512, "c.json": b"yz"}


def packed(path, tar_format=tarfile.USTAR_FORMAT, members=(), **fields):
    """A tar of CONTENT and `members`, with `fields` set on every one of the former."""
    with tarfile.open(path, "w", format=tar_format) as tar:
        for name, data in CONTENT.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            for field, value in fields.items():
                setattr(member, field, value)
            tar.addfile(member, io.BytesIO(data))
        for member in members:
            tar.addfile(member)
    return path


def odd_member(kind, name="d.json"):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, "/etc/passwd"
    return member


def refusal(path):
    with pytest.raises(ShardError, match="Expected") as caught:
        list_members(path)
    assert caught.value.path == str(path)
    return caught.value.reason


@pytest.mark.parametrize("tar_format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_offsets_are_those_of_the_data(tmp_path, tar_format):
    # A time with a fraction is what webdataset's writer sets; PAX then puts a header of its own before each member.
    path = packed(tmp_path / "a.tar", tar_format, mtime=1.5, uname="bigdata")
    data = path.read_bytes()
    assert {name: data[offset : offset + size] for name, offset, size in list_members(path)} == CONTENT


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        (tarfile.SYMTYPE, "not_a_file"),
        (tarfile.LNKTYPE, "not_a_file"),
        (tarfile.DIRTYPE, "not_a_file"),
        (tarfile.CHRTYPE, "not_a_file"),
        (tarfile.FIFOTYPE, "not_a_file"),
        (tarfile.GNUTYPE_SPARSE, "sparse"),
    ],
)
def test_only_plain_files_are_members(tmp_path, kind, reason):
    path = packed(tmp_path / "a.tar", members=[odd_member(kind)])
    with pytest.raises(ShardError, match=r"d\.json") as caught:
        list_members(path)
    assert (caught.value.reason, caught.value.member) == (reason, "d.json")


def test_a_sparse_member_of_pax_is_refused(tmp_path):
    member = tarfile.TarInfo("d.json")
    member.pax_headers = {
        "GNU.sparse.major": "0",
        "GNU.sparse.minor": "1",
        "GNU.sparse.map": "0,0",
        "GNU.sparse.size": "9",
    }
    assert refusal(packed(tmp_path / "a.tar", tarfile.PAX_FORMAT, [member])) == "sparse"


def test_a_member_over_the_cap_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tar_module, "MAX_MEMBER_BYTES", 511)
    assert refusal(packed(tmp_path / "a.tar")) == "member_too_large"


def test_compressed_tars_are_refused(tmp_path):
    path = packed(tmp_path / "a.tar")
    path.write_bytes(gzip.compress(path.read_bytes()))
    assert refusal(path) == "compressed"


def header_bytes(number):
    return 512 + sum(512 + -(-len(data) // 512) * 512 for data in list(CONTENT.values())[:number])


@pytest.mark.parametrize(
    "length",
    [0, 1, 300, 512, 700, header_bytes(1) - 512, header_bytes(1) - 200, header_bytes(1), header_bytes(2) + 1,
     header_bytes(3) - 512, header_bytes(3) - 1, header_bytes(3)],
)  # fmt: skip
def test_a_cut_tar_is_refused_wherever_the_cut_is(tmp_path, length):
    path = packed(tmp_path / "a.tar")
    os.truncate(path, length)
    assert refusal(path) == "damaged_tar"


@pytest.mark.parametrize("number", [0, 1, 2])
@pytest.mark.parametrize("damage", [b"\xff" * 512, b"\x00" * 512], ids=["noise", "zeros"])
def test_a_broken_header_is_refused_wherever_it_is(tmp_path, number, damage):
    path = packed(tmp_path / "a.tar")
    with path.open("r+b") as file:
        file.seek(header_bytes(number) - 512)
        file.write(damage)
    assert refusal(path) == "damaged_tar"


def test_a_tar_behind_the_end_of_another_is_refused(tmp_path):
    path = packed(tmp_path / "a.tar")
    path.write_bytes(path.read_bytes() * 2)
    assert refusal(path) == "damaged_tar"


@pytest.mark.parametrize("size", [-512, -1024, -1, 2**62])
def test_a_forged_size_ends_in_an_error_and_not_in_a_loop(tmp_path, size):
    path = packed(tmp_path / "a.tar")
    forged = tarfile.TarInfo("b.json")
    forged.size = size
    with path.open("r+b") as file:
        file.seek(header_bytes(1) - 512)
        file.write(forged.tobuf(tarfile.GNU_FORMAT))
    assert refusal(path) in ("damaged_tar", "member_too_large")


@pytest.mark.parametrize("headers", [{"size": "-512"}, {"size": "9" * 30}, {"GNU.sparse.map": "x"}])
def test_forged_extended_headers_are_refused(tmp_path, headers):
    member = tarfile.TarInfo("d.json")
    member.pax_headers = headers
    path = packed(tmp_path / "a.tar", tarfile.PAX_FORMAT, [member])
    assert refusal(path) in ("damaged_tar", "member_too_large")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
@pytest.mark.parametrize("size", [5000, 2**36])
def test_extended_headers_are_not_read_before_their_size_is_known(tmp_path, kind, size):
    # Of a megabyte of digits tarfile's parser would make an hour, of 64 gigabytes it would ask the memory.
    long = odd_member(kind)
    long.size = size
    path = packed(tmp_path / "a.tar")
    path.write_bytes(long.tobuf(tarfile.GNU_FORMAT) + b"1" * 2**20 + path.read_bytes())
    assert refusal(path) == "damaged_tar"
