"""A limit on the downloads: what was not used for longest gives way, what is in use stays."""

import os
import warnings
from dataclasses import replace

import pytest

from lightning_compose.data.remote.downloads import Downloads
from lightning_compose.data.remote.remote_file import RemoteFile

SIZE = 1000


@pytest.fixture
def files(server):
    import hashlib

    made = []
    for number in range(5):
        content = bytes([number]) * SIZE
        (server.folder / f"{number}.tar").write_bytes(content)
        made.append(RemoteFile(server.url, f"{number}.tar", SIZE, hashlib.sha256(content).hexdigest()))
    return made


@pytest.fixture
def limited(downloads):
    return replace(downloads, limit_bytes=3 * SIZE)


def use(downloads, file, time_s):
    """Read a file, and say when that was: file systems tell times apart by milliseconds at best."""
    os.close(downloads.open(file))
    os.utime(downloads.path(file), (time_s, time_s))


def present(downloads, files):
    return [number for number, file in enumerate(files) if downloads.has(file)]


def test_what_was_not_used_for_longest_gives_way(limited, files):
    for time_s, number in enumerate((0, 1, 2, 0, 3)):
        use(limited, files[number], time_s)
    assert present(limited, files) == [0, 2, 3]
    use(limited, files[1], 9)
    assert present(limited, files) == [0, 1, 3]


def test_without_a_limit_nothing_gives_way(downloads, files):
    for number in range(5):
        use(downloads, files[number], number)
    assert present(downloads, files) == [0, 1, 2, 3, 4]


def test_what_is_in_use_stays(limited, files):
    for number in range(3):
        use(limited, files[number], number)
    descriptor = limited.open(files[0])
    os.utime(limited.path(files[0]), (0, 0))
    use(limited, files[3], 3)
    assert present(limited, files) == [0, 2, 3]
    assert os.pread(descriptor, 1, 0) == b"\0"
    os.close(descriptor)
    os.utime(limited.path(files[0]), (0, 0))
    use(limited, files[4], 4)
    assert present(limited, files) == [2, 3, 4]


def test_when_all_are_in_use_the_limit_is_exceeded_aloud(limited, files):
    descriptors = [limited.open(file) for file in files[:3]]
    with pytest.warns(UserWarning, match=r"holds more than download_limit_gb = 3e-06: all shards in it are in use"):
        use(limited, files[3], 3)
    assert present(limited, files) == [0, 1, 2, 3]
    for descriptor in descriptors:
        os.close(descriptor)


def test_what_is_being_fetched_counts_whole(limited, files):
    for number in range(2):
        use(limited, files[number], number)
    # As a fetch leaves it that was killed: it gives way, too, but is the last one used.
    part = limited.folder / f"{files[2].name}.{2 * SIZE}.part"
    part.write_bytes(b"half")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        use(limited, files[3], 3)
    assert present(limited, files) == [3]
    assert part.exists()


def test_a_file_that_gave_way_while_it_was_being_opened_is_fetched_again(limited, files, monkeypatch, server):
    use(limited, files[0], 0)
    real, removed = os.open, []

    def slow_open(path, *arguments, **settings):
        descriptor = real(path, *arguments, **settings)
        if os.fspath(path).endswith(".tar") and not removed:
            removed.append(path)
            os.unlink(path)
        return descriptor

    monkeypatch.setattr(os, "open", slow_open)
    descriptor = limited.open(files[0])
    assert os.pread(descriptor, SIZE, 0) == bytes(SIZE)
    assert len(server.gets("0.tar")) == 2
    os.close(descriptor)


def test_the_default_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("LIGHTNING_COMPOSE_DOWNLOADS", str(tmp_path / "here"))
    assert Downloads().folder == tmp_path / "here"
    monkeypatch.delenv("LIGHTNING_COMPOSE_DOWNLOADS")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert Downloads().folder == tmp_path / ".cache" / "lightning_compose" / "downloads"
