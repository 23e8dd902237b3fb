"""Prompts survive a file, and broken lines are named."""

import json

import pytest

from lightning_compose.data.schema import Question
from lightning_compose.evaluation.prompts import BenchmarkPrompt, read_benchmark, write_prompts

QUESTIONS = (
    Question(0, "Is there a ring?", "yes", "entity", ("ring",)),
    Question(1, "Is the ring red?", "yes", "attribute", ("ring", "color", "red"), (0,)),
)
PROMPTS = [
    BenchmarkPrompt("a red ring", 7, "color", "seen", QUESTIONS, "single"),
    BenchmarkPrompt("a picture of rings", 2**63, "multigen", "held_out", QUESTIONS[:1]),
]


def test_they_survive_a_file(tmp_path):
    write_prompts(PROMPTS, tmp_path / "new" / "prompts.jsonl")
    assert read_benchmark(tmp_path / "new" / "prompts.jsonl") == PROMPTS


def test_keys_of_others_are_ignored(tmp_path):
    row = json.loads(PROMPTS[0].to_json()) | {"mine": 1}
    (tmp_path / "prompts.jsonl").write_text(f"\n{json.dumps(row)}\n")
    assert read_benchmark(tmp_path / "prompts.jsonl") == PROMPTS[:1]


def test_a_mark_of_the_byte_order_is_no_prompt(tmp_path):
    (tmp_path / "prompts.jsonl").write_text(PROMPTS[0].to_json(), encoding="utf-8-sig")
    assert read_benchmark(tmp_path / "prompts.jsonl") == PROMPTS[:1]


def test_it_knows_which_questions_ask_for_objects():
    assert PROMPTS[0].is_entity == (True, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"category": "size"},
        {"split": "train"},
        {"seed": "7"},
        {"seed": True},
        {"questions": []},
        {"questions": [{}]},
        {"prompt": None},
    ],
)
def test_a_broken_line_is_named(tmp_path, changes):
    file = tmp_path / "prompts.jsonl"
    file.write_text(f"{PROMPTS[0].to_json()}\n{json.dumps(json.loads(PROMPTS[0].to_json()) | changes)}\n")
    with pytest.raises(ValueError, match=r"Expected line .*prompts\.jsonl:2 to be a JSON object"):
        read_benchmark(file)


def test_an_empty_file_and_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="shapes prompts --out"):
        read_benchmark(tmp_path / "prompts.jsonl")
    (tmp_path / "prompts.jsonl").write_text("\n")
    with pytest.raises(ValueError, match="at least one prompt"):
        read_benchmark(tmp_path / "prompts.jsonl")
