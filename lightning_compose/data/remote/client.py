"""One request at a time, through fsspec, with patience."""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

from lightning_compose.data.remote import web
from lightning_compose.data.remote.fault import FetchError, fetch_error, is_transient, is_unknown_host
from lightning_compose.data.remote.url import is_web, shown

# A failure that lasts longer than these is told, so that nobody waits for a misspelt host in silence.
TRIES_IN_SILENCE = 3
# The second one for a name server that slipped.
TRIES_OF_AN_UNKNOWN_HOST = 2
# Of what is read into memory: an index of millions of shards is smaller.
MAX_READ_BYTES = 2**30
# Never dropped: a forked process would otherwise close the sockets that its parent is using.
_clients: dict[tuple[int, int, str], Any] = {}
# Not to change the state of the global one.
_jitter = random.SystemRandom()
_Got = TypeVar("_Got")


@dataclass(frozen=True)
class Patience:
    """How long to try.

    Args:
        tries: Of one request.
        first_delay_s: Before the second try; doubled before each further one, half to one and a half of it by chance.
        longest_delay_s: That it grows to.
        stall_s: For one request, of a few MB; then it counts as failed.
    """

    tries: int = 8
    first_delay_s: float = 1.0
    longest_delay_s: float = 30.0
    stall_s: float = 60.0

    def delay_s(self, failures: int) -> float:
        """Return how long to wait after so many failures."""
        return min(self.longest_delay_s, self.first_delay_s * 2 ** (failures - 1)) * _jitter.uniform(0.5, 1.5)


def read(url: str, patience: Patience) -> bytes:
    """Return a whole file.

    Raises:
        FetchError: When it cannot be had, or is larger than any index.
    """
    at_once = MAX_READ_BYTES + 1
    parts = read_on(url, 0, patience) if is_web(url) else [read_range(url, 0, at_once, patience)]
    content = bytearray()
    for part in parts:
        content += part
        if len(content) > MAX_READ_BYTES:
            raise FetchError(
                f"Expected {shown(url)} to have at most {MAX_READ_BYTES:,} bytes, got more. Check the URL."
            )
    return bytes(content)


def read_range(url: str, start: int, end: int, patience: Patience) -> bytes:
    """Return the bytes ``[start, end)`` of a file, or as many as there are.

    Raises:
        NoRangesError: When the server gives all of it: use `read_on`.
        FetchError: When it cannot be had.
    """
    if not is_web(url):
        return _patiently(url, patience, lambda: _request(url, patience.stall_s, "cat_file", start=start, end=end))
    return _patiently(url, patience, lambda: _web_range(url, start, end, patience.stall_s))


def read_on(url: str, start: int, patience: Patience) -> Iterator[bytes]:
    """Yield the bytes of a file on the web from `start` on, by one request for all: those before are passed over.

    Raises:
        FetchError: When it cannot be had.
    """
    tries = _Tries(url, patience)
    while True:
        # What came is not asked for again, but comes again.
        skip = start
        try:
            for piece in web.pieces(_client_of(url), url, patience.stall_s):
                new = piece[skip:]
                skip -= min(skip, len(piece))
                start += len(new)
                yield new
            return
        except Exception as error:
            tries.failed(error)


def size(url: str, patience: Patience) -> int:
    """Return a file's size in bytes.

    Raises:
        FetchError: When it cannot be had.
    """
    found = _patiently(url, patience, lambda: _request(url, patience.stall_s, "info")).get("size")
    if found is None:
        raise FetchError(f"Expected {shown(url)} to have a known size, got none. Use a server that tells it.")
    return int(found)


def _patiently(url: str, patience: Patience, ask: Callable[[], _Got]) -> _Got:
    tries = _Tries(url, patience)
    while True:
        try:
            return ask()
        except Exception as error:
            tries.failed(error)


class _Tries:
    """How often one file was asked for in vain."""

    def __init__(self, url: str, patience: Patience) -> None:
        self._shown = shown(url)
        self._patience = patience
        self._failures = 0

    def failed(self, error: Exception) -> None:
        """Wait until the next try; or raise, when there is none."""
        if isinstance(error, FetchError):
            raise error
        self._failures += 1
        most = min(self._patience.tries, TRIES_OF_AN_UNKNOWN_HOST) if is_unknown_host(error) else self._patience.tries
        if self._failures >= most or not is_transient(error):
            raise fetch_error(self._shown, error, self._failures) from error
        if self._failures == TRIES_IN_SILENCE:
            self._tell(error)
        time.sleep(self._patience.delay_s(self._failures))

    def _tell(self, error: Exception) -> None:
        # No line of a file: Python would print the code that stands there.
        text = f"{fetch_error(self._shown, error, self._failures)} Trying on."
        warnings.warn_explicit(text, UserWarning, __name__, 1)


def _web_range(url: str, start: int, end: int, stall_s: float) -> bytes:
    from fsspec.asyn import sync

    client = _client_of(url)
    return sync(client.loop, web.read_range, client, url, start, end, timeout=stall_s)


def _request(url: str, stall_s: float, method: str, **arguments: Any) -> Any:
    client = _client_of(url)
    path = client._strip_protocol(url)
    if not client.async_impl:
        # These have time limits of their own, and would read ahead of what they are asked for.
        unbuffered = {"cache_type": "none"} if method == "cat_file" else {}
        return getattr(client, method)(path, **arguments, **unbuffered)
    from fsspec.asyn import sync

    return sync(client.loop, getattr(client, f"_{method}"), path, timeout=stall_s, **arguments)


def _client_of(url: str) -> Any:
    scheme, host = urlsplit(url)[:2]
    kind = _kind_of(scheme)
    # Its own in every process: clients do not survive a fork. And in every thread those that are not made for several.
    key = os.getpid(), 0 if kind.async_impl else threading.get_ident(), f"{scheme}://{host}"
    if key not in _clients:
        # Not through fsspec's cache, which a forked process clears.
        _clients.setdefault(key, kind(skip_instance_cache=True, **kind._get_kwargs_from_urls(url)))
    return _clients[key]


def _kind_of(scheme: str) -> Any:
    from fsspec import get_filesystem_class

    try:
        return get_filesystem_class(scheme)
    except ImportError as error:
        raise FetchError(
            f"Expected the package that reads {scheme}:// to be installed, got: {error}. "
            f"Install it with `pip install 'lightning_compose[{scheme}]'`."
        ) from error
