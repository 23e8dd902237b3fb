"""The dataset card: what the hub reads of it, and what people do."""

import re

import pytest
import yaml
from made_report import made_workspace, packed_workspace

from lightning_compose.data.shards import ShardSet
from lightning_compose.prepare.card import write_card
from lightning_compose.prepare.card_settings import CardSettings
from lightning_compose.prepare.pack import pack
from lightning_compose.prepare.settings import Settings

STATED = CardSettings("Rings", "cc-by-4.0", {"painter|s": "MIT"})


def read(workspace):
    text = (workspace.shards / "README.md").read_text()
    _, front, body = text.split("---\n", 2)
    return yaml.safe_load(front), body


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return packed_workspace(tmp_path_factory.mktemp("w") / "w", Settings(card=STATED))


def test_the_hub_reads_its_front_matter(workspace):
    front, _ = read(workspace)
    assert front["license"] == "cc-by-4.0"
    assert front["pretty_name"] == "Rings"
    assert front["size_categories"] == ["n<1K"]


def test_counts_funnel_models_seeds_and_work_are_told(workspace):
    _, body = read(workspace)
    assert "| color | 2 | 1 | 3 |" in body
    assert "| category | single | complex | all |" in body
    assert "| prompts with a positive | 4 | no_success 1, no_questions 1 |" in body
    assert "| painter | painter\\|s | MIT |" in body
    assert "| answerer | judge | not stated |" in body
    assert "| candidates | 5 |" in body
    assert "| images of negative prompts | 4 |" in body
    assert "| edited images | 1 |" in body
    # Of images of prompts 15, of negatives 10, and what the caption of one of them asks beside.
    assert "| answers about images | 26 |" in body
    assert "| writer: calls | 3 |" in body


def test_rows_of_a_table_have_the_cells_of_its_header(workspace):
    for table in re.findall(r"(?:^\|.*\n)+", read(workspace)[1], re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", line)) for line in table.splitlines()}) == 1


def test_a_licence_that_nobody_gave_is_not_invented(tmp_path):
    workspace = packed_workspace(tmp_path / "w")
    front, body = read(workspace)
    assert "license" not in front
    assert "Licence of the set: not stated." in body


def test_packing_again_writes_the_card_and_nothing_else(tmp_path):
    workspace = packed_workspace(tmp_path / "w")
    index = (workspace.shards / "index.json").read_bytes()
    pack(Settings(card=STATED), workspace)
    assert read(workspace)[0]["license"] == "cc-by-4.0"
    assert (workspace.shards / "index.json").read_bytes() == index
    assert len(ShardSet(workspace.shards)) == 3


def test_without_shards_there_is_nothing_to_describe(tmp_path):
    with pytest.raises(ValueError, match=r"found none. Run the step pack first"):
        write_card(STATED, made_workspace(tmp_path / "w"))
