"""Files behind a URL that fails: the claims C18 and C19."""

import hashlib
import os
import resource
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import replace

import pytest

from lightning_compose.data.remote import remote_file
from lightning_compose.data.remote.downloads import Downloads
from lightning_compose.data.remote.fault import FetchError
from lightning_compose.data.remote.remote_file import RemoteFile

CONTENT = bytes(range(256)) * 20  # 5,120 bytes: six ranges of 1,000
FIVE_AND_A_BIT = [f"bytes={start}-{min(start + 1000, 5120) - 1}" for start in range(0, 5120, 1000)]


@pytest.fixture
def place(server):
    """Put a file on the server and return what names it."""

    def place(path="set/a.tar", content=CONTENT, sha256=None):
        file = server.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        folder, _, name = path.partition("/")
        return RemoteFile(f"{server.url}/{folder}", name, len(content), sha256 or hashlib.sha256(content).hexdigest())

    return place


def content(downloads, file):
    descriptor = downloads.open(file)
    try:
        return os.pread(descriptor, 10**6, 0)
    finally:
        os.close(descriptor)


def left_over(downloads):
    return sorted(path.name for path in downloads.folder.iterdir()) if downloads.folder.exists() else []


def test_c18_a_file_is_fetched_once_in_ranges(server, downloads, place, small_ranges):
    file = place()
    for _ in range(3):
        assert content(downloads, file) == CONTENT
    assert server.gets("a.tar") == FIVE_AND_A_BIT
    assert left_over(downloads) == [file.name]


@pytest.mark.parametrize("fault", [500, 502, 503, 408, 429, "cut", "stall"])
def test_c18_what_time_mends_is_tried_again_from_where_it_was(server, downloads, place, small_ranges, fault):
    file = place()
    server.faults["a.tar"] = [None, None, fault, fault]
    assert content(downloads, file) == CONTENT
    third = FIVE_AND_A_BIT[2]
    assert server.gets("a.tar") == [*FIVE_AND_A_BIT[:2], third, third, *FIVE_AND_A_BIT[2:]]


@pytest.mark.parametrize(("status", "advice"), [(404, "Check the URL"), (403, "your credentials"), (401, "Log in")])
def test_c18_what_time_does_not_mend_fails_at_once(server, downloads, place, status, advice):
    file = place()
    server.always["a.tar"] = status
    with pytest.raises(FetchError, match=rf"Expected to fetch {file.url}, got the status {status}\. .*{advice}"):
        downloads.open(file)
    assert len(server.gets("a.tar")) == 1
    assert left_over(downloads) == []


def test_c18_a_fault_that_stays_is_an_error_after_a_number_of_tries(server, downloads, place):
    file = place()
    server.always["a.tar"] = 503
    with (
        pytest.warns(UserWarning, match=r"503 3 times\. .* Trying on"),
        pytest.raises(FetchError, match=r"got the status 503 4 times\. Check the network"),
    ):
        downloads.open(file)
    assert len(server.gets("a.tar")) == 4


def test_c18_a_body_that_is_never_there_is_an_error(server, downloads, place, small_ranges):
    server.faults["a.tar"] = [None, None, "empty"]
    with pytest.raises(FetchError, match=r"a.tar, got CutBodyError: the file ends at byte 2,000 of 5,120"):
        downloads.open(place())


def test_c18_no_server_at_all_is_an_error(server, downloads, place):
    file = replace(place(), set_url="http://127.0.0.1:9/set")
    with pytest.warns(UserWarning, match="Trying on"), pytest.raises(FetchError, match=r"4 times\. Check the network"):
        downloads.open(file)


def test_c18_a_wrong_checksum_is_fetched_again(server, downloads, place, small_ranges):
    file = place()
    server.faults["a.tar"] = [None, "wrong"]
    assert content(downloads, file) == CONTENT
    assert server.gets("a.tar") == FIVE_AND_A_BIT * 2


def test_c18_a_wrong_checksum_twice_is_an_error(server, downloads, place, small_ranges):
    file = place(sha256="0" * 64)
    with pytest.raises(FetchError, match=r"with the SHA-256 0{16}\.\.\., got \w{16}\.\.\. twice\. If the set was"):
        downloads.open(file)
    assert server.gets("a.tar") == FIVE_AND_A_BIT * 2
    assert left_over(downloads) == []


@pytest.mark.parametrize("bytes_", [5000, 5200])
def test_c18_a_file_of_another_size_is_an_error(server, downloads, place, bytes_):
    file = replace(place(), bytes=bytes_)
    with pytest.raises(FetchError):
        downloads.open(file)
    assert not downloads.has(file)


def test_a_server_without_ranges_gives_the_whole_at_once(server, downloads, place, small_ranges):
    server.ranges = False
    assert content(downloads, place()) == CONTENT
    # One that is broken off when the whole begins to come, and one for the whole.
    assert server.gets("a.tar") == [FIVE_AND_A_BIT[0], None]


def test_a_server_without_ranges_may_take_longer_than_a_stall(server, downloads, place):
    server.ranges, server.piece_s = False, 2 * downloads.patience.stall_s / 10
    long = CONTENT * 8  # ten pieces
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(remote_file, "RANGE_BYTES", 1000)
        assert content(downloads, place(content=long)) == long
    assert len(server.gets("a.tar")) == 2


@pytest.mark.parametrize("fault", ["cut", "stall", 503])
def test_a_server_without_ranges_is_tried_again(server, downloads, place, small_ranges, fault):
    server.ranges = False
    server.faults["a.tar"] = [None, fault, fault]
    assert content(downloads, place()) == CONTENT
    assert server.gets("a.tar") == [FIVE_AND_A_BIT[0], None, None, None]


def test_a_server_without_ranges_that_sends_more_is_an_error(server, downloads, place, small_ranges):
    server.ranges = False
    with pytest.raises(FetchError, match="answers as it was asked"):
        downloads.open(replace(place(), bytes=4000))


def test_bytes_are_told_as_they_come(server, downloads, place, small_ranges):
    file, told = place(), []
    server.faults["a.tar"] = ["wrong"]
    downloads.fetch(file, advance=told.append)
    assert sum(told) == file.bytes
    assert max(told) == 1000


def test_names_with_odd_characters_and_tokens_in_the_url(server, downloads, place):
    odd = place("set/a b#1?%41.tar")
    assert content(downloads, odd) == CONTENT
    assert odd.path == "a b#1?%41.tar"
    secret = replace(odd, set_url=f"{server.url}/set?token=secret")
    assert content(downloads, secret) == CONTENT
    server.always["tar"] = 403
    with pytest.raises(FetchError) as caught:
        Downloads(downloads.folder / "other", patience=downloads.patience).open(secret)
    assert "secret" not in str(caught.value)


def test_c19_equal_base_names_do_not_collide(server, downloads, place):
    files = [place(f"set/{stage}/000000.tar", stage.encode() * 9) for stage in ("single", "complex")]
    other_set = place("other/single/000000.tar", b"other" * 9)
    assert [content(downloads, each) for each in (*files, other_set)] == [b"single" * 9, b"complex" * 9, b"other" * 9]


def test_c19_a_changed_file_is_another_file(server, downloads, place):
    assert content(downloads, place()) == CONTENT
    assert content(downloads, place(content=b"changed")) == b"changed"


# -- several processes -------------------------------------------------------------------------------

FETCH = """
    import os, resource, signal, sys
    from pathlib import Path
    from lightning_compose.data.remote import remote_file
    from lightning_compose.data.remote.downloads import Downloads
    from lightning_compose.data.remote.remote_file import RemoteFile

    remote_file.RANGE_BYTES = 1000
    folder, url, name, size, sha256, limit = sys.argv[1:]
    if int(limit):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    try:
        Downloads(Path(folder)).open(RemoteFile(url, name, int(size), sha256))
    except OSError as error:
        sys.exit(f"{type(error).__name__}: {error}")
"""


def fetching(downloads, file, limit=0):
    """Fetch in a process of its own."""
    code = textwrap.dedent(FETCH)
    arguments = [downloads.folder, file.set_url, file.path, file.bytes, file.sha256, limit]
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stderr=subprocess.PIPE, text=True)


def wait_until(condition):
    until = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.002)


def test_c19_two_processes_fetch_once(server, downloads, place):
    file = place()
    server.piece_s = 0.05
    processes = [fetching(downloads, file) for _ in range(2)]
    assert [process.wait(60) for process in processes] == [0, 0]
    assert server.gets("a.tar") == FIVE_AND_A_BIT
    assert left_over(downloads) == [file.name]


def test_c19_a_killed_fetch_leaves_nothing_half_in_use_and_is_gone_on_with(server, downloads, place, small_ranges):
    file = place()
    server.faults["a.tar"] = [None, None, "stall"]
    process = fetching(downloads, file)
    wait_until(lambda: len(server.gets("a.tar")) == 3)
    process.send_signal(signal.SIGKILL)
    process.wait(60)
    assert not downloads.has(file)
    assert left_over(downloads) == [f"{file.name}.5120.part"]
    assert content(downloads, file) == CONTENT
    # The two ranges that had come are not fetched again.
    assert server.gets("a.tar") == [*FIVE_AND_A_BIT[:3], *FIVE_AND_A_BIT[2:]]
    assert left_over(downloads) == [file.name]


def test_c19_what_another_process_finished_in_between_is_not_fetched_again(server, downloads, place, monkeypatch):
    file, real = place(), Downloads._open_part

    def after_another_one(self, file):
        monkeypatch.setattr(Downloads, "_open_part", real)
        downloads.fetch(file)
        return real(self, file)

    monkeypatch.setattr(Downloads, "_open_part", after_another_one)
    assert content(downloads, file) == CONTENT
    assert len(server.gets("a.tar")) == 1
    assert left_over(downloads) == [file.name]


def test_c19_what_a_crash_left_damaged_is_fetched_again(server, downloads, place):
    file = place()
    downloads.folder.mkdir()
    (downloads.folder / f"{file.name}.5120.part").write_bytes(b"\0" * 3000)
    assert content(downloads, file) == CONTENT


def test_c19_a_full_disk_is_an_error_that_says_so(server, downloads, place):
    file = place()
    process = fetching(downloads, file, limit=2500)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "Expected room for" in error
    assert "File too large" in error
    assert left_over(downloads) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    assert content(downloads, file) == CONTENT


def test_c19_what_is_left_to_another_process_is_not_waited_for(server, downloads, place):
    file = place()
    server.faults["a.tar"] = ["stall"]
    process = fetching(downloads, file)
    wait_until(lambda: server.gets("a.tar"))
    downloads.fetch(file, wait=False)
    assert not downloads.has(file)
    process.kill()
    process.wait(60)


def test_a_file_that_was_cut_since_it_came_is_replaced_when_it_is_opened(server, downloads, place):
    file = place()
    assert content(downloads, file) == CONTENT
    os.truncate(downloads.path(file), 100)
    assert not downloads.has(file)
    assert content(downloads, file) == CONTENT
