"""Tables in NumPy's format, mapped into memory. NumPy's own reader evaluates the header, which may be forged."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

_MAGIC = b"\x93NUMPY\x01\x00"
_ROWS = re.compile(r"'shape': \((\d{1,12}),\)")


def read_header(path: Path) -> tuple[str, int]:
    """Return the header of a file that `numpy.save` wrote, at most 64 KiB, and where the data begin.

    Raises:
        ValueError: When it has none.
    """
    with path.open("rb") as file:
        start = file.read(len(_MAGIC) + 2)
        length = int.from_bytes(start[len(_MAGIC) :], "little")
        header = file.read(length)
    if not start.startswith(_MAGIC) or len(header) != length:
        raise ValueError("it is not in NumPy's format 1.0")
    return header.decode("latin-1").strip(), len(start) + length


def map_rows(path: Path, dtype: np.dtype) -> np.ndarray:
    """Map a table of one dimension.

    Args:
        path: Of the file.
        dtype: The type that its rows must have.

    Raises:
        ValueError: When it has other rows, or fewer than it says.
    """
    header, offset = read_header(path)
    found = _ROWS.search(header)
    rows = int(found[1]) if found else 0
    descr = np.lib.format.dtype_to_descr(dtype)
    if header != f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': ({rows},), }}":
        raise ValueError(f"it has rows of another kind: {header[:200]!r}")
    # Of nothing there is no map.
    return np.memmap(path, dtype, "r", offset, (rows,)) if rows else np.empty(0, dtype)
