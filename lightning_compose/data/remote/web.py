"""Bodies over HTTP: a range where the server knows ranges, else all of a file, bit by bit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from lightning_compose.data.remote.fault import FetchError

_PIECE_BYTES = 2**20
_PARTIAL_CONTENT = 206


class NoRangesError(FetchError):
    """The server was asked for a range and began to send the whole file."""


async def read_range(client: Any, url: str, start: int, end: int) -> bytes:
    """Return the bytes ``[start, end)``, or as many as there are.

    Args:
        client: fsspec's, for HTTP.
        url: Of the file.
        start: At least 0.
        end: More than `start`.

    Raises:
        NoRangesError: Before the body comes: nothing tells how long that takes, or whether it fits into memory.
    """
    async with await _get(client, url, headers={"Range": f"bytes={start}-{end - 1}"}) as answer:
        small = start == 0 and answer.content_length is not None and answer.content_length <= end
        if answer.status != _PARTIAL_CONTENT and not small:
            raise NoRangesError(f"Expected a range, got the status {answer.status}.")
        return await answer.read()


def pieces(client: Any, url: str, stall_s: float) -> Iterator[bytes]:
    """Yield a whole file as it comes; only a pause of `stall_s` is too long."""
    from fsspec.asyn import sync

    answer = sync(client.loop, _get, client, url, stall_s=stall_s)
    try:
        while data := sync(client.loop, answer.content.read, _PIECE_BYTES):
            yield data
    finally:
        client.loop.call_soon_threadsafe(answer.close)


async def _get(client: Any, url: str, headers: dict[str, str] | None = None, stall_s: float | None = None) -> Any:
    session = await client.set_session()
    # What fsspec's own configuration says of all requests.
    settings = {**client.kwargs, "headers": {**client.kwargs.get("headers", {}), **(headers or {})}}
    if stall_s is not None:
        # Else a session ends any body after five minutes.
        settings["timeout"] = type(session.timeout)(total=None, sock_connect=stall_s, sock_read=stall_s)
    answer = await session.get(client.encode_url(url), **settings)
    try:
        client._raise_not_found_for_status(answer, url)
    except BaseException:
        answer.close()
        raise
    return answer
