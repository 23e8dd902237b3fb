"""What identifies files that settings name."""

from lightning_compose.prepare.local_files import PIECE_BYTES, PIECES, by_identity, file_identities


def write(file, content=b"a"):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return str(file)


def identity(path):
    return file_identities({"a": [path]}).get(path)


def test_files_and_folders_of_weights_have_one(tmp_path):
    file = write(tmp_path / "prompts.txt")
    nested = write(tmp_path / "pipeline/unet/config.json")
    write(tmp_path / "pipeline/model_index.json")
    settings = {"files": [file, "plain", "org/model"], "model": {"pretrained": str(tmp_path / "pipeline")}, "n": 1}
    assert set(file_identities(settings)) == {file, str(tmp_path / "pipeline")}
    before = identity(str(tmp_path / "pipeline"))
    write(tmp_path / "pipeline/unet/config.json", b"b")
    assert identity(str(tmp_path / "pipeline")) != before
    assert nested


def test_a_folder_of_anything_has_none(tmp_path):
    write(tmp_path / "many/file.txt")
    assert identity(str(tmp_path / "many")) is None


def test_a_change_at_the_end_of_a_large_file_is_seen(tmp_path):
    large = b"0" * (PIECES * PIECE_BYTES + 5)
    one, same, other = (
        identity(write(tmp_path / folder / "w.gguf", large[:-1] + end))
        for folder, end in (("one", b"0"), ("same", b"0"), ("other", b"1"))
    )
    assert one == same != other


def test_paths_give_way_to_identities():
    settings = {"a": "/x", "b": ["/x", 1], "c": {"d": "/y"}}
    assert by_identity(settings, {"/x": "x 1"}) == {"a": "x 1", "b": ["x 1", 1], "c": {"d": "/y"}}
