"""Rows name models, never paths."""

from lightning_compose.prepare.models.weights_name import weights_name


def test_a_local_folder_gives_its_own_name_only(tmp_path):
    folder = tmp_path / "my-clip"
    folder.mkdir()
    assert weights_name(str(folder), None) == "my-clip"
    assert weights_name(f"{folder}/", None) == "my-clip"
    assert weights_name(str(folder), "clip") == "clip"


def test_a_hub_id_stays():
    assert weights_name("org/my-clip", None) == "org/my-clip"
