"""Choose layers of a denoiser by name, by the start of a name, or by resolution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def select_attention(
    selectors: Sequence[str], resolutions: Mapping[str, str], default: Sequence[str]
) -> tuple[str, ...]:
    """Return the names of the selected layers of attention to the text, in the model's order.

    Args:
        selectors: Names, starts of names, "default", or resolutions of default layers.
        resolutions: By layer, the share of the latent's side that its maps have: "1/1", "1/2"...
        default: Selectors, by name, of what "default" selects.

    Raises:
        ValueError: When a selector selects nothing.

    >>> resolutions = {"down_0.0": "1/1", "mid.0": "1/2", "up_0.0": "1/2", "up_1.0": "1/1"}
    >>> select_attention(["1/1", "mid"], resolutions, default=("mid", "up"))
    ('mid.0', 'up_1.0')
    """
    defaults = [name for each in default for name in _named(each, resolutions)]
    groups = {"default": defaults}
    for name in defaults:
        groups.setdefault(resolutions[name], []).append(name)
    return _select("layers of attention to the text", selectors, resolutions, groups)


def select_blocks(selectors: Sequence[str], blocks: Iterable[str], default: Sequence[str] = ()) -> tuple[str, ...]:
    """Return the names of the selected blocks, in the model's order.

    Args:
        selectors: Names, starts of names, or "default".
        blocks: All that can be selected.
        default: Selectors, by name, of what "default" selects; () = there is no such selector.

    Raises:
        ValueError: When a selector selects nothing.

    >>> select_blocks(["default", "down_1"], ["down_0", "down_1", "mid"], default=["mid"])
    ('down_1', 'mid')
    """
    defaults = [name for each in default for name in _named(each, blocks)]
    return _select("blocks", selectors, blocks, groups={"default": defaults} if default else {})


def _select(
    kind: str, selectors: Sequence[str], names: Iterable[str], groups: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    selected: set[str] = set()
    for selector in selectors:
        found = groups.get(selector) or _named(selector, names)
        if not found:
            raise ValueError(
                f"Expected `layers` to name {kind}, got {selector!r}. Known: {[*names, *groups]}, and starts of names."
            )
        selected.update(found)
    return tuple(name for name in names if name in selected)


def _named(selector: str, names: Iterable[str]) -> list[str]:
    return [name for name in names if name == selector or name.startswith((f"{selector}.", f"{selector}_"))]
