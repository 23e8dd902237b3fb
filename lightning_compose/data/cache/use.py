"""A cache in a training: opened if it fits, refused by name if it does not."""

from __future__ import annotations

from typing import Any

from lightning_compose.data.cache.identity import cache_identity, require_same
from lightning_compose.data.cache.reader import FeatureCache
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.transforms import Crop


def require_still_images(crop: Crop, mirror: bool, **folders: str | None) -> None:
    """Refuse what changes images from pass to pass where their features are cached.

    Args:
        crop: The data's.
        mirror: The data's.
        folders: Of caches by the names of their settings; None = there is none.

    Raises:
        ValueError: When there is one and images change.
    """
    cached = [name for name, folder in folders.items() if folder is not None]
    if cached and (mirror or crop != "center"):
        changed = "mirror" if mirror else "crop"
        raise ValueError(
            f"Expected `crop: center` and `mirror: false` with `data.{cached[0]}`, which holds every image once, got "
            f"{changed}={mirror if mirror else crop!r}. Set --data.{changed} back, or train without the cache."
        )


def open_cache(folder: str | None, setting: str, shards: ShardSet, size_px: int, module: Any) -> FeatureCache | None:
    """Open the feature cache of a set, if there shall be one.

    Args:
        folder: The cache's; None = images and captions are encoded in every step.
        setting: The name under which a user gives it.
        shards: The set.
        size_px: Side of the square images.
        module: What is trained; None or one without a backbone = it is not compared.

    Raises:
        ShardError: When it is not whole.
        ValueError: When it was made of another set or by another model, or lacks though the model cannot encode.
    """
    backbone = getattr(module, "backbone", None)
    if folder is not None:
        cache = FeatureCache(folder)
        encoders = None if backbone is None else backbone.encoder_identity()
        require_same(cache.identity, cache_identity(shards, size_px, encoders), folder)
        return cache
    if backbone is not None and not backbone.encoders:
        raise ValueError(
            f"Expected `data.{setting}` to be a feature cache of {str(shards.root)!r}, because the model has no "
            f"encoders (`encoders: false`), got None. Make one with `shards cache` and set --data.{setting}, or set "
            "--model.backbone.init_args.encoders=true."
        )
    return None
