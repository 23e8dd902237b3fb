"""One request at a time, through fsspec, with patience."""

from __future__ import annotations

import os
import random
import threading
import time
import warnings
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lightning_compose.data.remote.fault import FetchError, fetch_error, is_transient
from lightning_compose.data.remote.url import shown

# A failure that lasts longer than these is told, so that nobody waits for a misspelt host in silence.
TRIES_IN_SILENCE = 3
# Never dropped: a forked process would otherwise close the sockets that its parent is using.
_clients: dict[tuple[int, int, str], Any] = {}
# Not to change the state of the global one.
_jitter = random.SystemRandom()


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
        FetchError: When it cannot be had.
    """
    return _patiently(url, patience, "cat_file")


def read_range(url: str, start: int, end: int, patience: Patience) -> bytes:
    """Return what the server gives for the bytes ``[start, end)``; a server without ranges gives all.

    Raises:
        FetchError: When it cannot be had.
    """
    return _patiently(url, patience, "cat_file", start=start, end=end)


def size(url: str, patience: Patience) -> int:
    """Return a file's size in bytes.

    Raises:
        FetchError: When it cannot be had.
    """
    found = _patiently(url, patience, "info").get("size")
    if found is None:
        raise FetchError(f"Expected {shown(url)} to have a known size, got none. Use a server that tells it.")
    return int(found)


def _patiently(url: str, patience: Patience, method: str, **arguments: Any) -> Any:
    tries = 0
    while True:
        tries += 1
        try:
            return _request(url, patience.stall_s, method, **arguments)
        except FetchError:
            raise
        except Exception as error:
            if tries == patience.tries or not is_transient(error):
                raise fetch_error(shown(url), error, tries) from error
            if tries == TRIES_IN_SILENCE:
                warnings.warn(f"{fetch_error(shown(url), error, tries)} Trying on.", stacklevel=2)
        time.sleep(patience.delay_s(tries))


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
