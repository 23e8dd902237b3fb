"""URLs of sets: which are taken, how a file's follows from them, how they are shown."""

from __future__ import annotations

from urllib.parse import quote, urlsplit, urlunsplit

SCHEMES = ("s3", "gs", "https", "http", "hf")
_WEB = ("https", "http")


def is_url(root: str) -> bool:
    """Return whether `root` begins with a scheme, known or not."""
    return "://" in root or root.startswith("pipe:")


def is_web(url: str) -> bool:
    """Return whether it is read over HTTP."""
    return urlsplit(url).scheme in _WEB


def require_known_scheme(url: str) -> None:
    """Require a URL of the schemes that are read.

    Raises:
        ValueError: When it is of another one.
    """
    if urlsplit(url).scheme not in SCHEMES or not urlsplit(url).netloc:
        known = ", ".join(f"{scheme}://" for scheme in SCHEMES)
        raise ValueError(f"Expected a folder or a URL that begins with {known}, got {shown(url)!r}.")


def join(url: str, path: str) -> str:
    """Return the URL of a file of the set.

    Args:
        url: Of the set; a query, such as a token, stays at the end.
        path: Relative, with forward slashes.
    """
    parts = urlsplit(url)
    if not is_web(url):
        # Names of objects: nothing in them is a query, and nothing is quoted.
        return f"{url.rstrip('/')}/{path}"
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{quote(path)}"))


def shown(url: str) -> str:
    """Return the URL for messages, without the password and the query: those may be secrets."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=host, query="", fragment=""))
