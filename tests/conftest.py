"""Settings that must hold before torch is imported, and what several tests share."""

import os

# OpenMP's idle threads spin: on two cores that makes small operations ten times slower beside a second process.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def tiny_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A diffusers folder of the Stable Diffusion 2 family with random weights, small enough for any test."""
    from tiny_models import save_tiny_pipeline

    return save_tiny_pipeline(tmp_path_factory.mktemp("models") / "tiny-sd2")


@pytest.fixture(scope="session")
def tiny_sd3_pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Likewise of the Stable Diffusion 3 family, with T5."""
    from tiny_models import save_tiny_sd3_pipeline

    return save_tiny_sd3_pipeline(tmp_path_factory.mktemp("models") / "tiny-sd3")


@pytest.fixture(scope="session")
def pipeline(request: pytest.FixtureRequest) -> Path:
    """One of the two: Stable Diffusion 2's, or each in turn under `families.on_both_families`."""
    return request.getfixturevalue(getattr(request, "param", "tiny_pipeline"))
