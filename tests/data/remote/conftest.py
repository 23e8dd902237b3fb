"""A set behind a server that fails as it is told, and one in a bucket."""

import os
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

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


@pytest.fixture(scope="session")
def s3_endpoint():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def upload(s3_endpoint, monkeypatch, tmp_path):
    """Copy a folder into a bucket of its own, and return the URL."""
    # The ways of the client itself: nothing of it is ours.
    for name, value in {
        "AWS_ENDPOINT_URL": s3_endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3")

    def upload(folder: Path) -> str:
        bucket = f"bucket-{os.getpid()}-{abs(hash(tmp_path)) % 10**9}"
        client.create_bucket(Bucket=bucket)
        for path in folder.rglob("*"):
            if path.is_file():
                client.upload_file(str(path), bucket, f"sets/{folder.name}/{path.relative_to(folder).as_posix()}")
        return f"s3://{bucket}/sets/{folder.name}"

    return upload


@pytest.fixture(params=["http", "s3"])
def remote(request, write_set, server, make_sample):
    """The same set of sixteen shards in a folder and behind a URL."""
    folder = write_set([make_sample(number, negative=number % 2 == 0) for number in range(16)], samples_per_shard=1)
    url = f"{server.url}/{folder.name}" if request.param == "http" else request.getfixturevalue("upload")(folder)
    return folder, url
