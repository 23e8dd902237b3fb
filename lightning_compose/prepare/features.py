"""The feature cache of the shards, for whoever trains on them."""

from __future__ import annotations

import shutil

from lightning_compose.prepare.features_settings import FeaturesSettings
from lightning_compose.prepare.workspace import Workspace


def cache_features(settings: FeaturesSettings, workspace: Workspace) -> None:
    """Write what the frozen encoders of a config make of the shards into ``features/``, or complete it.

    Raises:
        ValueError: When a config is missing or none of `fit`, or the folder holds features of another model.
    """
    # Torch and the models come with it, which packing needs none of.
    from lightning_compose.cli.feature_cache import run

    arguments = [part for config in settings.configs for part in ("--config", config)]
    run(
        str(workspace.shards),
        workspace.features,
        arguments,
        settings.processes,
        settings.batch_size,
        settings.device,
    )


def remove_features(workspace: Workspace) -> None:
    """Remove the features of shards that are written anew."""
    shutil.rmtree(workspace.features, ignore_errors=True)
