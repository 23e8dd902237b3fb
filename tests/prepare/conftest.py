"""The one Ray of the test suite."""

import pytest


@pytest.fixture(scope="session")
def ray_address():
    """Start Ray for this process; a process that a test starts takes the address."""
    ray = pytest.importorskip("ray")
    from lightning_compose.prepare.engine.ray_start import start_ray
    from lightning_compose.prepare.settings import EngineSettings

    start_ray(EngineSettings(workers=2))
    yield ray.get_runtime_context().gcs_address
    ray.shutdown()
