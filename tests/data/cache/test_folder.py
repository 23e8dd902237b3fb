"""The folder of a cache: nothing in a foreign one is touched, and no name is taken twice."""

import pytest
from fake_encoder import FakeEncoder

from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.identity import cache_identity
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.shards.indexing import index_shards

SIZE_PX = 16
FOREIGN = (".notes.2024", "deep/.000000.tar.77", "single/000000.tar", "letter.txt")


def write(shards, root):
    writer = CacheWriter(shards, root, SIZE_PX)
    writer.begin(cache_identity(shards, SIZE_PX, None), FakeEncoder())
    for number in writer.missing():
        writer.write(number, FakeEncoder())
    writer.finish()


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def add(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"mine")


@pytest.mark.parametrize("out", ["set", "set/features", "set/../set", "."])
def test_the_sets_own_folder_is_refused_and_left_alone(write_set, tmp_path, out):
    root = write_set()
    add(root, *FOREIGN[:2])
    before = files(tmp_path)
    with pytest.raises(ValueError, match="Expected --out to"):
        write(ShardSet(root), tmp_path / out)
    assert files(tmp_path) == before


@pytest.mark.parametrize("name", [*FOREIGN, "index.json"])
def test_a_foreign_folder_is_refused_and_left_alone(write_set, tmp_path, name):
    add(tmp_path / "mine", name)
    with pytest.raises(ValueError, match="which holds other files, such as"):
        write(ShardSet(write_set()), tmp_path / "mine")
    assert files(tmp_path / "mine") == {name: b"mine"}


def test_a_file_is_refused(write_set, tmp_path):
    add(tmp_path, "mine")
    with pytest.raises(ValueError, match="got the file"):
        write(ShardSet(write_set()), tmp_path / "mine")


def test_a_killed_first_step_leaves_no_foreign_folder(write_set, tmp_path):
    add(tmp_path / "cache", ".lock", ".cache.json.123")
    write(ShardSet(write_set()), tmp_path / "cache")
    assert not (tmp_path / "cache/.cache.json.123").exists()


def test_only_the_writers_own_leftovers_are_removed(write_set, tmp_path):
    shards, root = ShardSet(write_set()), tmp_path / "cache"
    write(shards, root)
    own = (".index.npy.12", "single/.000000.tar.3", "single/.000000.tar.npy.3", ".empty_caption.tar.4")
    foreign = (".notes.2024", "single/.000000.tar.3x", "deep/.000000.tar.77", "single/.other.tar.3")
    add(root, *own, *foreign)
    (root / ".index.json.5").mkdir()
    write(shards, root)
    left = files(root)
    assert not left.keys() & set(own)
    assert left.keys() >= set(foreign)
    assert (root / ".index.json.5").is_dir()


def renamed(root, name):
    (root / name).parent.mkdir(exist_ok=True)
    next(root.glob("single/*.tar")).rename(root / name)
    (root / "index.json").unlink()
    index_shards(root, progress=False)
    return ShardSet(root)


@pytest.mark.parametrize("name", ["index.tar", "cache.tar", "index.json.tar"])
def test_a_shard_may_have_nearly_the_name_of_our_own(write_set, tmp_path, name):
    shards = renamed(write_set(), name)
    write(shards, tmp_path / "cache")
    assert len(FeatureCache(tmp_path / "cache")) == len(shards)


@pytest.mark.parametrize("name", ["empty_caption.tar", "cache.json/000000.tar"])
def test_a_shard_of_our_own_name_is_refused(write_set, tmp_path, name):
    shards = renamed(write_set(), name)
    with pytest.raises(ValueError, match=f"got '{name}' in"):
        write(shards, tmp_path / "cache")
    assert not (tmp_path / "cache").exists()
