"""What a person is told of a server that cannot be reached, or is another one than was meant."""

import socket
import subprocess
import sys

import pytest

from lightning_compose.data.remote import client
from lightning_compose.data.remote.client import Patience
from lightning_compose.data.remote.fault import FetchError
from lightning_compose.data.shards import ShardError, ShardSet


def test_a_host_that_does_not_exist_is_tried_twice(monkeypatch):
    def unknown(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with pytest.raises(FetchError, match=r"got no such host 2 times\. Check the name of the host"):
        client.read("http://misspelt.invalid/index.json", Patience(first_delay_s=0.001))


def test_a_name_server_that_is_away_is_waited_for(monkeypatch):
    def away(*_, **__):
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", away)
    with pytest.warns(UserWarning, match="Trying on"), pytest.raises(FetchError, match=r"4 times\. Check the network"):
        client.read("http://other.invalid/index.json", Patience(tries=4, first_delay_s=0.001))


def test_the_warning_shows_no_code():
    program = """
from lightning_compose.data.remote.client import Patience, read
read("http://127.0.0.1:9/index.json", Patience(tries=4, first_delay_s=0.001))
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stderr
    assert "Trying on." in told
    assert "ckpt_path" not in told
    before_the_traceback = told.partition("Traceback")[0].strip()
    assert len(before_the_traceback.splitlines()) == 1


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>Log in", b"\n <html>"])
def test_a_web_page_in_place_of_the_index_is_told(server, write_set, downloads, page):
    folder = write_set()
    (folder / "index.json").write_bytes(page)
    with pytest.raises(ShardError, match=r"got a web page.*: check the URL, or log in\."):
        ShardSet(f"{server.url}/{folder.name}", downloads)


@pytest.mark.parametrize("ranges", [True, False])
def test_an_index_without_end_is_not_read_to_its_end(server, write_set, downloads, monkeypatch, ranges):
    monkeypatch.setattr(client, "MAX_READ_BYTES", 100)
    server.ranges = ranges
    with pytest.raises(FetchError, match="to have at most 100 bytes, got more"):
        ShardSet(f"{server.url}/{write_set().name}", downloads)
