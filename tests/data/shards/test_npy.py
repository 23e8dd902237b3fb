"""Tables written by NumPy are mapped; a header that says anything else is refused, and never evaluated."""

import numpy as np
import pytest

from lightning_compose.data.shards.npy import map_rows
from lightning_compose.data.shards.table import row_dtype

HEADER = "{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }"


def written(path, header, data=bytes(24)):
    header = f"{header:<117}\n".encode()
    path.write_bytes(b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data)
    return path


@pytest.mark.parametrize("dtype", [row_dtype(1), row_dtype(64), np.dtype("<i8")])
@pytest.mark.parametrize("rows", [0, 1, 1000])
def test_what_numpy_wrote_is_read(tmp_path, dtype, rows):
    table = np.zeros(rows, dtype)
    np.save(tmp_path / "a.npy", table)
    assert np.array_equal(map_rows(tmp_path / "a.npy", dtype), table)


def test_the_header_of_these_tests_is_a_good_one(tmp_path):
    assert map_rows(written(tmp_path / "a.npy", HEADER), np.dtype("<i8")).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "header",
    [
        HEADER.replace("<i8", "|O"),
        HEADER.replace("<i8", "<f8"),
        HEADER.replace("(3,)", "(4,)"),
        HEADER.replace("(3,)", "(3, 1)"),
        HEADER.replace("(3,)", "(999999999999,)"),
        HEADER.replace("(3,)", "(-3,)"),
        HEADER.replace("False", "True"),
        HEADER + "-" * 9000 + "1",
        "(" * 9000,
        "",
    ],
)
def test_any_other_header_is_refused(tmp_path, header):
    with pytest.raises(ValueError, match=r"rows|shape|header|mmap"):
        map_rows(written(tmp_path / "a.npy", header), np.dtype("<i8"))


@pytest.mark.parametrize("data", [b"", b"\x93NUMPY", b"cos\nsystem\n", b"\x93NUMPY\x01\x00\xff\xff{"])
def test_what_is_no_table_is_refused(tmp_path, data):
    (tmp_path / "a.npy").write_bytes(data)
    with pytest.raises(ValueError, match=r"format 1\.0"):
        map_rows(tmp_path / "a.npy", np.dtype("<i8"))
