"""What a checkpoint of a ComposeModule holds: plain hyperparameters, trained weights, no frozen ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from lightning.pytorch.utilities import rank_zero_info
from torch import Tensor

if TYPE_CHECKING:
    from lightning_compose.module import ComposeModule

HEADS = "heads."


def plain_only(values: Mapping[str, Any]) -> dict[str, Any]:
    """Keep what `torch.load(weights_only=True)` reads back: None, bool, int, float, str and nests of them."""
    return {key: value for key, value in values.items() if _is_plain(value)}


def drop_frozen(state: dict[str, Any], module: ComposeModule) -> None:
    """Remove the frozen components' weights from a state dict: 1.7 GB for SD2.1 that the config can load again."""
    for key in _frozen_keys(state, module):
        del state[key]


def fill_frozen(state: dict[str, Any], module: ComposeModule) -> None:
    """Add the frozen components' present weights to a state dict, so that the rest can be loaded strictly."""
    present = module.state_dict()
    state.update({key: present[key] for key in _frozen_keys(present, module)})


def match_heads(state: dict[str, Any], module: ComposeModule, resuming: bool) -> None:
    """Drop heads of losses that are not listed; to resume without them is an error.

    Raises:
        ValueError: When a listed loss has no head in the checkpoint, or one of other parameters; when `resuming` and
            the checkpoint has a head whose loss is not listed.
    """
    saved = {key.removeprefix(HEADS).split(".")[0] for key in state if key.startswith(HEADS)}
    listed = {name for name, head in module.heads.items() if head.state_dict()}
    if listed - saved or (resuming and saved != listed):
        raise ValueError(
            f"Expected the losses with trained heads to be {sorted(saved)} as in the checkpoint, got {sorted(listed)}. "
            "List the same losses to resume; set a loss's weight to 0 to switch it off."
        )
    unused = saved - listed
    if unused:
        rank_zero_info(f"The checkpoint's heads of {sorted(unused)} are left out: these losses are not listed.")
    for key in [key for key in state if key.startswith(tuple(f"{HEADS}{name}." for name in unused))]:
        del state[key]
    for name, head in module.heads.items():
        _require_same_shapes(name, _of_head(state, name), head.state_dict())


def _of_head(state: Mapping[str, Any], name: str) -> dict[str, Tensor]:
    prefix = f"{HEADS}{name}."
    return {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}


def _require_same_shapes(name: str, saved: Mapping[str, Tensor], present: Mapping[str, Tensor]) -> None:
    for key in sorted(saved.keys() | present.keys()):
        there, here = (_shape(values.get(key)) for values in (saved, present))
        if there != here:
            raise ValueError(
                f"Expected `{key}` in the head of the loss {name!r} to be {there} as in the checkpoint, got {here}. "
                "Set this loss's settings back to those that the checkpoint was trained with."
            )


def _shape(value: Tensor | None) -> str:
    return "absent" if value is None else f"a tensor of shape {tuple(value.shape)}"


def _frozen_keys(state: Mapping[str, Any], module: ComposeModule) -> list[str]:
    prefixes = tuple(f"backbone.{name}." for name, _ in module.backbone.frozen())
    return [key for key in state if key.startswith(prefixes)]


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(isinstance(key, str) and _is_plain(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return all(_is_plain(each) for each in value)
    return value is None or type(value) in (bool, int, float, str)
