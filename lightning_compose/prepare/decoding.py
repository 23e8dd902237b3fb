"""JSON to frozen dataclasses: unknown keys and values of another type are refused."""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache
from typing import Any, TypeVar, cast

from pydantic import ConfigDict, TypeAdapter, ValidationError

from lightning_compose.cli.errors import closest

Decoded = TypeVar("Decoded")


class DecodingError(ValueError):
    """JSON that is not what a dataclass holds.

    Args:
        place: Dotted path of the first value that is wrong; empty = the whole.
        message: What is wrong with it.
    """

    def __init__(self, place: str, message: str) -> None:
        super().__init__(f"in `{place}`: {message}" if place else message)


def decode(kind: type[Decoded], text: str) -> Decoded:
    """Decode one object.

    Args:
        kind: A dataclass, with dataclasses, tuples and plain values in it.
        text: JSON.

    Raises:
        DecodingError: When it is none, a key is unknown or missing, or a value is not what it should be.
    """
    try:
        return _adapter(cast(Hashable, kind)).validate_json(f"[{text}]")[0]
    except ValidationError as error:
        raise _error(kind, error) from error


def _error(kind: type[Any], error: ValidationError) -> DecodingError:
    first = error.errors(include_url=False)[0]
    place = ".".join(str(each) for each in first["loc"][1:])
    if first["type"] == "value_error":
        return DecodingError(place, str(first["ctx"]["error"]))
    if first["type"] == "unexpected_keyword_argument":
        return DecodingError(place, f"Expected a known key.{closest(place, keys(kind))}")
    if first["type"] == "missing":
        return DecodingError(place, "Expected a value, got none. Set it.")
    return DecodingError(place, f"{first['msg'].replace('Input should be', 'Expected')}, got {first['input']!r}.")


def keys(kind: type[Any]) -> list[str]:
    """Return the dotted keys of a dataclass and of those in it."""
    schema = _adapter(cast(Hashable, kind)).json_schema()
    return _keys(schema["$defs"], schema["prefixItems"][0], "")


def _keys(definitions: dict[str, Any], part: dict[str, Any], prefix: str) -> list[str]:
    names = []
    for name, each in _resolved(definitions, part).get("properties", {}).items():
        names += [f"{prefix}{name}", *_keys(definitions, each, f"{prefix}{name}.")]
    return names


def _resolved(definitions: dict[str, Any], part: dict[str, Any]) -> dict[str, Any]:
    references = [each["$ref"] for each in (part, *part.get("anyOf", ())) if "$ref" in each]
    return definitions[references[0].rpartition("/")[2]] if references else part


@cache
def _adapter(kind: Hashable) -> TypeAdapter[Any]:
    # Standing alone a dataclass would not get this configuration.
    return TypeAdapter(tuple[kind], config=ConfigDict(extra="forbid", strict=True))  # type: ignore[valid-type]
