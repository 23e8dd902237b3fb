"""Sets behind a URL: read like those in a folder, trained on in the same order, begun on their first shards."""

import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.remote import client
from lightning_compose.data.remote.fault import FetchError
from lightning_compose.data.shards import ShardError, ShardSet
from lightning_compose.data.shards.files import RemoteFiles
from tests.recorder import CrashAfter, CrashError, Recorder, quiet_trainer

STEPS = 3


class Keys(Recorder):
    """Remembers what it trained on by the samples' keys."""

    def __init__(self):
        super().__init__()
        self.keys = []

    def training_step(self, batch, batch_idx):
        self.keys += batch.keys
        return super().training_step(batch, batch_idx)


def pairs(root, downloads, **changes):
    settings = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.2}
    return ConPairDataModule(str(root), download_dir=str(downloads.folder), **(settings | changes))


def trained_keys(data, steps=STEPS, **settings):
    module = Keys()
    quiet_trainer(max_steps=steps, val_check_interval=steps, **settings).fit(module, data)
    return module.keys


def test_a_remote_set_reads_like_the_local_one(remote, downloads):
    folder, url = remote
    local, there = ShardSet(folder), ShardSet(url, downloads)
    assert [there.read(row) for row in range(16)] == [local.read(row) for row in range(16)]
    assert (there.root, len(there._descriptors)) == (url, 16)


def test_within_a_limit_few_shards_are_in_use_at_once(write_set, server, downloads):
    shards = ShardSet(f"{server.url}/{write_set().name}", replace(downloads, limit_bytes=10**6))
    for row in range(9):
        shards.read(row)
    assert len(shards._descriptors) == 2


def test_the_index_is_fetched_at_every_start_and_its_table_once(write_set, server, downloads):
    folder = write_set()
    url = f"{server.url}/{folder.name}"
    for _ in range(3):
        ShardSet(url, downloads)
    assert len(server.gets("index.json")) == 3
    assert len(server.gets("index.npy")) == 1
    write_set([ShardSet(folder).read(0)], name="other")
    for name in ("index.json", "index.npy"):
        (server.folder / "other" / name).rename(folder / name)
    assert len(ShardSet(url, downloads)) == 1


def test_it_may_be_pickled_without_asking_the_server_again(write_set, server, downloads):
    shards = ShardSet(f"{server.url}/{write_set().name}", downloads)
    first, asked = shards.read(0), len(server.requests)
    assert pickle.loads(pickle.dumps(shards)).read(0) == first
    assert len(server.requests) == asked


def test_a_forked_process_fetches_beside_its_parent(remote, downloads):
    folder, url = remote
    shards, local = ShardSet(url, downloads), ShardSet(folder)
    assert shards.read(0) == local.read(0)
    child = os.fork()
    if child == 0:
        os._exit(0 if [shards.read(row) for row in range(8)] == [local.read(row) for row in range(8)] else 1)
    assert [shards.read(row) for row in range(8, 16)] == [local.read(row) for row in range(8, 16)]
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize(("workers", "shuffle_shards"), [(0, None), (2, 3)])
def test_a_run_on_a_remote_set_trains_on_the_samples_of_the_local_run(remote, downloads, workers, shuffle_shards):
    folder, url = remote
    changes = {"num_workers": workers, "shuffle_shards": shuffle_shards}
    expected = trained_keys(pairs(folder, downloads, shuffle_shards=shuffle_shards))
    assert trained_keys(pairs(url, downloads, **changes)) == expected


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_on_a_remote_set_goes_on_with_the_next_sample(remote, downloads, tmp_path, workers):
    folder, url = remote
    expected = trained_keys(pairs(folder, downloads, shuffle_shards=3))
    module, settings = Keys(), {"num_workers": workers, "shuffle_shards": 3}
    crash = CrashAfter(5, tmp_path / "c.ckpt")
    with pytest.raises(CrashError):
        quiet_trainer(max_steps=STEPS, callbacks=[crash]).fit(module, pairs(url, downloads, **settings))
    before = module.keys[:8]  # of the two steps that were done
    module = Keys()
    trainer = quiet_trainer(max_steps=STEPS, val_check_interval=STEPS)
    trainer.fit(module, pairs(url, downloads, **settings), ckpt_path=tmp_path / "c.ckpt")
    assert before + module.keys == expected
    with pytest.raises(ValueError, match="Expected `shuffle_shards` to stay 3, as in the checkpoint, got None"):
        quiet_trainer(max_steps=9).fit(Keys(), pairs(url, downloads), ckpt_path=tmp_path / "c.ckpt")


def test_a_run_begins_on_its_first_shards_and_not_on_the_last(write_set, make_sample, server, downloads):
    folder = write_set([make_sample(3 * number) for number in range(40)], samples_per_shard=1)
    data = pairs(f"{server.url}/{folder.name}", downloads, shuffle_shards=2, val_fraction=0.0)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    fetched = len({path for method, path, _ in server.requests if method == "GET" and path.endswith(".tar")})
    # Those of the first micro-batch, and at most so many of the next ones.
    assert len(batch) <= fetched <= len(batch) + 8 + 4


def test_each_shard_is_fetched_once_however_many_workers_read(write_set, make_sample, server, downloads):
    folder = write_set([make_sample(3 * number) for number in range(12)], samples_per_shard=2)
    trained_keys(pairs(f"{server.url}/{folder.name}", downloads, num_workers=2, val_fraction=0.0), steps=6)
    gets = [path for method, path, _ in server.requests if method == "GET" and path.endswith(".tar")]
    assert len(gets) == len(set(gets)) == 6


def test_within_a_limit_the_whole_set_is_trained_on(write_set, make_sample, server, downloads):
    folder = write_set([make_sample(3 * number) for number in range(20)], samples_per_shard=1)
    url, local = f"{server.url}/{folder.name}", ShardSet(folder)
    limit_gb = sum(sorted((shard.bytes for shard in local.shards), reverse=True)[:10]) / 1e9
    limited = {"val_fraction": 0.0, "shuffle_shards": 2, "download_limit_gb": limit_gb}
    assert sorted(trained_keys(pairs(url, downloads, **limited), steps=5)) == sorted(map(local.key, range(20)))
    assert sum(path.stat().st_size for path in downloads.folder.glob("*.tar")) <= limit_gb * 1e9


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, r"hold the whole set, .* got a set of .* GB\. Raise the limit, or .* `shuffle_shards` 8"),
        ({"shuffle_shards": 3}, r"hold 4 shards, those that are mixed at a time and the next one, got"),
    ],
)
def test_a_limit_without_room_for_what_is_mixed_is_refused(write_set, server, downloads, settings, message):
    url = f"{server.url}/{write_set().name}"
    with pytest.raises(ValueError, match=message):
        trained_keys(pairs(url, downloads, download_limit_gb=1e-6, **settings))


def test_validation_beyond_a_limit_is_told(write_set, make_sample, server, downloads):
    folder = write_set([make_sample(3 * number) for number in range(20)], samples_per_shard=1)
    limit_gb = sum(shard.bytes for shard in ShardSet(folder).shards) / 2e9
    data = pairs(f"{server.url}/{folder.name}", downloads, shuffle_shards=1, download_limit_gb=limit_gb)
    with pytest.warns(UserWarning, match="Every validation reads all shards"):
        data.setup("fit")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"download_limit_gb": 0.0}, "more than 0"), ({"shuffle_shards": 0}, "`shuffle_shards` to be at least 1, got 0")],
)
def test_bad_settings_are_refused_at_construction(downloads, settings, message):
    with pytest.raises(ValueError, match=message):
        pairs("anywhere", downloads, **settings)


def test_a_shard_that_cannot_be_had_ends_the_run_and_not_as_a_bad_sample(write_set, server, downloads):
    url = f"{server.url}/{write_set().name}"
    server.always[".tar"] = 403
    with pytest.raises(FetchError, match=r"/00000\d.tar, got the status 403") as caught:
        trained_keys(pairs(url, downloads, on_bad_sample="skip"))
    assert not isinstance(caught.value, ShardError)


def test_no_index_behind_the_url(server, downloads):
    with pytest.raises(ShardError, match=r"/nothing: Expected index.json there, found none\. Give the URL"):
        ShardSet(f"{server.url}/nothing", downloads)


def test_an_index_that_names_files_elsewhere_is_refused(write_set, server, downloads):
    folder = write_set()
    index = json.loads((folder / "index.json").read_text())
    for path in ("../../etc/passwd", "/etc/passwd", "a\nb.tar", "\ud800.tar"):
        index["shards"][0]["path"] = path
        (folder / "index.json").write_text(json.dumps(index))
        with pytest.raises(ShardError, match="Expected the index to fit the shards"):
            ShardSet(f"{server.url}/{folder.name}", downloads)


@pytest.mark.parametrize("url", ["pipe:cat x", "ftp://host/set", "simplecache::s3://bucket/set", "s3://", "memory://a"])
def test_other_schemes_are_refused(url):
    with pytest.raises(ShardError, match=r"begins with s3://, gs://, https://, http://, hf://") as caught:
        ShardSet(url)
    assert caught.value.reason == "unknown_scheme"


def test_a_file_url_is_a_folder(write_set):
    assert len(ShardSet(f"file://{write_set()}")) == 9


def test_a_client_without_coroutines_is_asked_for_no_more_than_the_range(monkeypatch):
    # As that of hf:// is, which cannot be reached from the tests.
    monkeypatch.setattr("fsspec.get_filesystem_class", lambda scheme: MemoryFileSystem)
    MemoryFileSystem().pipe("/datasets/a.tar", bytes(range(100)))
    assert client.read_range("memory://datasets/a.tar", 10, 20, client.Patience()) == bytes(range(10, 20))
    assert client.size("memory://datasets/a.tar", client.Patience()) == 100
    with pytest.raises(FetchError, match="got the status 404"):
        client.read("memory://datasets/b.tar", client.Patience())


def test_a_package_that_lacks_is_named(monkeypatch):
    def lacks(scheme):
        raise ImportError("Please install gcsfs")

    monkeypatch.setattr("fsspec.get_filesystem_class", lacks)
    with pytest.raises(
        FetchError, match=r"Please install gcsfs. Install it with `pip install .lightning_compose\[gs\]"
    ):
        client.read("gs://bucket/index.json", client.Patience())


def test_no_credentials_is_an_error_at_once(upload, write_set, downloads, monkeypatch):
    url = upload(write_set())
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setattr(client, "_clients", {})
    # A new client takes its time on a machine that is busy: no stall.
    patient = replace(downloads, patience=replace(downloads.patience, stall_s=30.0))
    with pytest.raises(FetchError, match=r"NoCredentialsError: Unable to locate credentials\. Check the URL"):
        ShardSet(url, patient)


def test_no_bucket_is_an_error_at_once(upload, write_set, downloads):
    upload(write_set())
    with pytest.raises(ShardError, match=r"s3://nowhere/set: Expected index.json there, found none"):
        ShardSet("s3://nowhere/set", downloads)


def test_a_long_wait_is_told(write_set, server, downloads, monkeypatch):
    monkeypatch.setattr(RemoteFiles, "long_wait_s", -1.0)
    shards = ShardSet(f"{server.url}/{write_set().name}", downloads)
    with pytest.warns(UserWarning, match=r"Waited 0 s for http.*tar, 0 MB, .* MB/s\. If that goes on, fetch"):
        shards.read(0)


def test_reading_imports_no_torch_and_a_folder_no_fsspec(write_set, server, downloads):
    folder = write_set()
    program = """
import sys
from pathlib import Path
from lightning_compose.data.remote.downloads import Downloads
from lightning_compose.data.shards import ShardSet
ShardSet(sys.argv[1]).read(0)
assert "fsspec" not in sys.modules
ShardSet(sys.argv[2], Downloads(Path(sys.argv[3]))).read(0)
assert "torch" not in sys.modules
"""
    arguments = [str(folder), f"{server.url}/{folder.name}", str(downloads.folder)]
    subprocess.run([sys.executable, "-c", program, *arguments], check=True)
