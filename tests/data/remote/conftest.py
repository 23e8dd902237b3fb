"""A set behind a server that fails as it is told."""

import pytest

from lightning_compose.data.remote import remote_file
from lightning_compose.data.remote.client import Patience
from lightning_compose.data.remote.downloads import Downloads
from tests.data.remote.fault_server import serving

PATIENCE = Patience(tries=4, first_delay_s=0.001, stall_s=0.3)


@pytest.fixture
def server(tmp_path):
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def downloads(tmp_path):
    return Downloads(tmp_path / "downloads", patience=PATIENCE)


@pytest.fixture
def small_ranges(monkeypatch):
    """Fetch in ranges of 1,000 bytes, so that a tiny shard has several."""
    monkeypatch.setattr(remote_file, "RANGE_BYTES", 1000)
