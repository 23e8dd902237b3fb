"""What went wrong on the way: whether to try again, and what to tell a person."""

from __future__ import annotations

import socket
from collections.abc import Iterator

# Too slow, too often: the only answers of the kind "your mistake" that time mends.
_TRANSIENT_STATUSES = (408, 429)
# By name: these packages are loaded only when their scheme is used. Cut bodies and lost connections, in their words.
_NETWORK_PACKAGES = ("aiohttp", "urllib3", "requests", "httpx", "http")
_NETWORK_NAMES = ("HTTPClientError", "ConnectionError", "ResponseParserError")
_WHAT_TO_DO = {
    401: "Log in: docs/remote.md says how for each kind of URL.",
    403: "Check that your credentials may read it: docs/remote.md says how for each kind of URL.",
    404: "Check the URL, and that all files of the set were uploaded.",
}
_NETWORK = "Check the network and the server."
_UNKNOWN_HOST = "Check the name of the host in the URL, and the network."


class FetchError(OSError):
    """A remote file could not be had. Not a bad sample: no policy on those passes over it."""


class CutBodyError(OSError):
    """Fewer bytes came than were asked for."""


def is_transient(error: BaseException) -> bool:
    """Return whether the same request may succeed later."""
    status = status_of(error)
    if status is not None:
        return status >= 500 or status in _TRANSIENT_STATUSES
    causes = list(_causes(error))
    # A URL or a certificate that is wrong now will be wrong later, though the error is one of the network's, too.
    return any(map(_is_of_the_network, causes)) and not any(isinstance(each, ValueError) for each in causes)


def is_unknown_host(error: BaseException) -> bool:
    """Return whether no machine has the name that the URL gives."""
    return any(isinstance(each, socket.gaierror) and each.errno == socket.EAI_NONAME for each in _causes(error))


def is_lasting(error: FetchError) -> bool:
    """Return whether a file as it is on the server is at fault, not the way to it."""
    return error.__cause__ is None or not is_transient(error.__cause__)


def status_of(error: BaseException) -> int | None:
    """Return the HTTP status that an error of any of the clients stands for; None = it came before there was one."""
    for each in _causes(error):
        status = _own_status(each)
        if status is not None:
            return status
    # What fsspec makes of a lost connection, too: then it was raised from an error of the network.
    if any(map(_is_of_the_network, list(_causes(error))[1:])):
        return None
    return 404 if isinstance(error, FileNotFoundError) else 403 if isinstance(error, PermissionError) else None


def fetch_error(url: str, error: BaseException, tries: int) -> FetchError:
    """Say what was wanted, what came and what to do.

    Args:
        url: As it may be shown.
        tries: How often it was tried.
    """
    status = status_of(error)
    got = f"the status {status}" if status is not None else _in_words(error)
    often = f" {tries} times" if tries > 1 else ""
    if is_unknown_host(error):
        return FetchError(f"Expected to fetch {url}, got no such host{often}. {_UNKNOWN_HOST}")
    advice = _WHAT_TO_DO.get(status or 0, _NETWORK if is_transient(error) else "Check the URL and your credentials.")
    return FetchError(f"Expected to fetch {url}, got {got}{often}. {advice}")


def _in_words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"{type(error).__name__}: {error}".rstrip(": ")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it was raised from: clients hide a status behind errors of their own."""
    current: BaseException | None = error
    while current is not None:
        yield current
        current = current.__cause__


def _own_status(error: BaseException) -> int | None:
    response = getattr(error, "response", None)
    if isinstance(response, dict):  # botocore
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode")
    status = getattr(response, "status_code", None) or getattr(error, "status", None)
    if type(error).__name__ == "HttpError":  # gcsfs; others use `code` for something else
        status = getattr(error, "code", None)
    return int(status) if isinstance(status, int | str) and str(status).isdecimal() else None


def _is_of_the_network(error: BaseException) -> bool:
    # TimeoutError is one of them, too.
    if isinstance(error, OSError):
        return True
    kinds = type(error).__mro__
    return any(
        each.__module__.partition(".")[0] in _NETWORK_PACKAGES or each.__name__ in _NETWORK_NAMES for each in kinds
    )
