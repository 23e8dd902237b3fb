"""What a config will cost: by hand, for the paper's recipe, and where something is not stated."""

import re
from pathlib import Path

import pytest

from lightning_compose.cli.config_files import read_config
from lightning_compose.prepare.cost import cost_table
from lightning_compose.prepare.settings import read_settings

ROOT = Path(__file__).parents[2]
CONPAIR = ROOT / "configs/prepare/conpair.yaml"
COUNTS = {"single": {"color": 30, "shape": 10}}


def rows(table):
    """How often, GPU hours by step and role."""
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines() if line.startswith("|")]
    return {f"{row[0]}.{row[1]}": (row[3], row[4], float(row[6].replace(",", ""))) for row in cells[2:]}


@pytest.fixture
def few():
    """40 prompts, so that all can be reckoned by hand."""
    config = read_config(CONPAIR)
    config["prompts"]["counts"] = COUNTS
    return config


def test_a_small_config_by_hand(few):
    found = rows(cost_table(read_settings(few)))
    # 45 and 15 drafts, 20 an order.
    assert found["prompts.writer"] == ("4", "calls", 0.0)
    assert found["candidates.painter"] == ("400", "images", 0.1)
    # A fifth is judged twice.
    assert found["verify.questioner"] == ("48", "calls, of captions", 0.0)
    assert found["verify.answerer"] == ("2,880", "questions", 0.1)
    assert found["verify.scorer"] == ("480", "images", 0.0)
    assert found["verify.captioner"] == ("8", "calls, of captions", 0.0)
    # 30 of the prompts are of a category whose negatives are edits.
    assert found["negatives.painter"] == ("200", "images", 0.1)
    assert found["negatives.editor"] == ("600", "images", 0.2)
    assert found["negatives.questioner"] == ("40", "calls, of captions", 0.0)
    assert found["negatives.answerer"] == ("6,400", "questions", 0.2)
    assert found["negatives.embedder"] == ("840", "images", 0.0)


def test_the_sums(few):
    (last,) = cost_table(read_settings(few)).splitlines()[-1:]
    assert last.startswith("40 prompts: 100 calls to servers, 1,200 images on 0 GB, ")
    hours = float(re.search(r"([\d.]+) GPU hours", last)[1])
    assert hours == 1


def test_a_judge_behind_a_server_costs_calls_and_no_gpu(few):
    served = {"class_path": "lightning_compose.prepare.models.endpoint_answerer.EndpointAnswerer"}
    few["verify"]["answerer"] = {**served, "init_args": {"endpoint": {"model": "m", "base_url": "http://localhost/v1"}}}
    for step in ("verify", "negatives"):
        del few["cost"]["gpu_seconds"][step]["answerer"]
    found = rows(cost_table(read_settings(few)))
    assert found["verify.answerer"] == ("960", "calls", 0.0)


def test_steps_without_a_section_cost_nothing(few):
    few |= {"negatives": None}
    del few["cost"]["gpu_seconds"]["negatives"]
    assert not any(key.startswith("negatives") for key in rows(cost_table(read_settings(few))))


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("verify", "scorer", None, r"Expected `cost.gpu_seconds.verify.scorer`, got none. Measure"),
        ("masks", "segmenter", 1.0, r"of models that the config has, got masks.segmenter. Remove it"),
    ],
)
def test_seconds_are_stated_for_every_model_and_no_other(few, section, key, value, message):
    seconds = few["cost"]["gpu_seconds"].setdefault(section, {})
    seconds.pop(key, None)
    if value is not None:
        seconds[key] = value
    with pytest.raises(ValueError, match=message):
        cost_table(read_settings(few))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("share_corrected", 1.5, "Expected `share_corrected` to be a share"),
        ("drafts_per_prompt", 0.5, "Expected `drafts_per_prompt` to be at least 1, got 0.5"),
        ("megabytes_per_image", -1.0, "Expected `megabytes_per_image` to be at least 0, got -1.0"),
        ("gpu_seconds", {"verify": {"scorer": -1.0}}, "Expected `gpu_seconds.verify.scorer` to be at least 0"),
    ],
)
def test_refuses(few, key, value, message):
    few["cost"][key] = value
    with pytest.raises(ValueError, match=re.escape(message)):
        read_settings(few)


def test_nothing_is_taken_for_granted_that_is_not_stated(few):
    del few["cost"]["questions_per_image"]
    with pytest.raises(ValueError, match=r"in `cost.questions_per_image`: Expected a value, got none"):
        read_settings(few)


def test_the_documentation_shows_what_the_command_prints():
    page = (ROOT / "docs/prepare.md").read_text()
    (shown,) = re.findall(r"<!-- begin prepare_cost -->\n\n(.*?)\n\n<!-- end prepare_cost -->", page, re.DOTALL)
    told = "Run: python -m lightning_compose prepare cost --config configs/prepare/conpair.yaml"
    assert shown == cost_table(read_settings(read_config(CONPAIR))), told


def test_every_line_of_the_recipe_has_its_reason():
    lines = [line for line in CONPAIR.read_text().splitlines() if ": " in line and not line.startswith("#")]
    assert not [line for line in lines if "#" not in line and "class_path" not in line]


def test_the_recipe_is_the_papers_15400_prompts():
    found = read_settings(read_config(CONPAIR))
    assert sum(found.prompts.cells.values()) == 15_400
    assert (found.candidates.per_prompt, found.negatives.per_positive) == (10, 20)
    assert found.negatives.edited_categories == ("color", "texture")
