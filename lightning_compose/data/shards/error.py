"""The one exception for what is wrong with a set, a shard or a member of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning_compose.data.schema import SampleError


class ShardError(ValueError):
    """Something is wrong with a file of a set.

    Args:
        path: The shard, or the set's folder.
        member: The member's name, or the sample's key; None if the whole file is meant.
        reason: A short slug to count by, such as ``"crc32_mismatch"``.
        message: What was expected, what came and what to do, for a person.
    """

    def __init__(self, path: str | os.PathLike[str], member: str | None, reason: str, message: str) -> None:
        self.path, self.member, self.reason, self.message = os.fspath(path), member, reason, message
        # The name of a foreign member may hold line breaks and terminal codes.
        name = member if member is None or member.isprintable() else ascii(member)
        where = self.path if name is None else f"{self.path}, member {name}"
        super().__init__(f"{where}: {message}")

    @property
    def in_shard(self) -> str:
        """The message for whoever knows the shard already."""
        return self.message if self.member is None else f"{self.member}: {self.message}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions cross from DataLoader workers by pickle, which calls __init__ with args alone.
        return type(self), (self.path, self.member, self.reason, self.message)


@contextmanager
def located(path: str | os.PathLike[str], member: str) -> Iterator[None]:
    """Turn what breaks the schema into a `ShardError` that says where it lies."""
    try:
        yield
    except SampleError as error:
        raise ShardError(path, member, error.reason, str(error)) from error
