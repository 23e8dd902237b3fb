"""`shards fetch URL`, and the commands that take a URL in place of a folder."""

import os
from dataclasses import replace

import pytest

from lightning_compose.data import commands
from lightning_compose.data.commands import main
from lightning_compose.data.shards import ShardSet


def test_fetch_ahead_of_time(remote, downloads, capsys):
    _, url = remote
    command = ["fetch", url, "--download_dir", str(downloads.folder)]
    main(command)
    out, progress = capsys.readouterr()
    assert out.startswith("Fetched 16 shards of 16; all 0.000 GB, 16 samples, are in ")
    assert "Fetching: 100%" in progress
    main(command)
    assert capsys.readouterr().out.startswith("Fetched 0 shards of 16;")
    shards = ShardSet(url, replace(downloads))
    assert not shards.files.missing(shards.shards)


def test_show_and_check_take_a_url(write_set, server, downloads, capsys, tmp_path, monkeypatch):
    url = f"{server.url}/{write_set().name}"
    monkeypatch.setenv("LIGHTNING_COMPOSE_DOWNLOADS", str(downloads.folder))
    monkeypatch.chdir(tmp_path)
    main(["show", url])
    out = capsys.readouterr().out
    assert out.startswith(f"{url}: 9 samples")
    assert "Wrote 9 samples to set_samples.png." in out
    main(["check", url])
    assert f"{url}: 9 samples; 0 bad" in capsys.readouterr().out


def test_mistakes_in_fetch_are_told_in_one_line(write_set, server, downloads, capsys):
    folder = write_set()
    server.always["/000000.tar"] = 404
    for url, line in (
        (f"{server.url}/{folder.name}", "000000.tar, got the status 404. Check the URL"),
        (str(folder), "Expected a URL, got a folder"),
        ("ftp://host", "begins with s3://"),
    ):
        with pytest.raises(SystemExit):
            main(["fetch", url, "--download_dir", str(downloads.folder)])
        assert line in capsys.readouterr().err.splitlines()[-1]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("127.0.0.1:18904", "did you mean http://127.0.0.1:18904?"),
        ("host.org/set", "did you mean http://host.org/set?"),
        ("localhost:80/set", "did you mean http://localhost:80/set?"),
        ("my_set", "Expected a folder of shards, found none"),
    ],
)
def test_a_scheme_that_was_forgotten_is_told(text, line, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["fetch", text])
    assert line in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*It is fetched again")
@pytest.mark.parametrize("command", ["fetch", "check"])
def test_what_rotted_on_this_machine_is_fetched_again(write_set, server, downloads, capsys, command):
    folder = write_set()
    url, shards = f"{server.url}/{folder.name}", ShardSet(f"{server.url}/{folder.name}", downloads)
    options = ["--download_dir", str(downloads.folder)]
    main(["fetch", url, *options])
    flipped, cut = (downloads.path(shards.files.file(shard)) for shard in shards.shards[:2])
    flip_middle(flipped)
    os.truncate(cut, 600)
    capsys.readouterr()
    main([command, url, *options])
    out = capsys.readouterr().out
    assert ("Fetched 2 shards of 6, 1 of them again, as" if command == "fetch" else "0 bad, 0 refused") in out
    assert flipped.read_bytes() == (folder / shards.shards[0].path).read_bytes()
    assert cut.read_bytes() == (folder / shards.shards[1].path).read_bytes()


def test_check_tells_what_cannot_be_fetched_and_reads_the_rest(write_set, server, downloads, capsys):
    folder = write_set()
    (folder / "complex/000000.tar").unlink()
    flip_middle(folder / "single/000001.tar")
    with pytest.raises(SystemExit) as caught:
        main(["check", f"{server.url}/{folder.name}", "--download_dir", str(downloads.folder)])
    assert caught.value.code == 1
    out = capsys.readouterr().out
    assert "bad not_fetched complex/000000.tar 1" in " ".join(out.split())
    assert "2 bad or refused shards" in out
    assert "unsupervised no_mask composition/000000.tar" in " ".join(out.split())


def test_check_without_a_network_says_nothing_of_the_set(write_set, server, downloads, capsys, monkeypatch):
    url = f"{server.url}/{write_set().name}"
    monkeypatch.setattr(commands.check, "downloads_of", lambda *_: downloads)
    server.always[".tar"] = 503
    with pytest.raises(SystemExit) as caught:
        main(["check", url])
    assert caught.value.code == 2
    assert "503 4 times" in capsys.readouterr().err


def flip_middle(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
