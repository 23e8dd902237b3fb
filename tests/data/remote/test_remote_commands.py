"""`shards fetch URL`, and the commands that take a URL in place of a folder."""

from dataclasses import replace

import pytest

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
