"""A workspace: whole rows by their keys, or a message that says what is missing."""

import pytest
from made_prompts import prompt_row, workspace_of

from lightning_compose.prepare.rows import CandidatesRow, PromptRow, to_line


def row(key):
    return CandidatesRow(key, (), (), "plain")


def write(folder, name, *keys):
    (folder / "blocks").mkdir(exist_ok=True)
    (folder / f"blocks/{name}.jsonl").write_text("".join(to_line(row(key)) for key in keys))


def test_rows_of_a_step_that_is_not_done_can_be_read(tmp_path):
    workspace = workspace_of(tmp_path, "abc")
    assert workspace.finished_rows("candidates", CandidatesRow) == []
    write(workspace.begin("candidates", {}, workspace.prompts()), "000000", "b", "a")
    assert workspace.finished_rows("candidates", CandidatesRow) == [row("a"), row("b")]
    with pytest.raises(ValueError, match="got 2 of 3 rows"):
        workspace.rows("candidates", CandidatesRow)


def test_prompts_come_by_their_keys(tmp_path):
    assert [each.key for each in workspace_of(tmp_path, "cab").prompts()] == ["a", "b", "c"]


def test_a_text_may_hold_any_separator_of_lines(tmp_path):
    workspace = workspace_of(tmp_path, "a")
    odd = prompt_row("a", prompt="a cup\u2028and\x85a hat\nand a bow")
    workspace.prompts_file.write_text(to_line(odd), encoding="utf-8")
    assert workspace.prompts() == [odd]


def test_a_key_twice_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"Expected every key once in .*, got 'a' again"):
        workspace_of(tmp_path, "aba").prompts()


def test_a_line_that_is_no_row_is_named(tmp_path):
    workspace = workspace_of(tmp_path, "ab")
    workspace.prompts_file.write_text(workspace.prompts_file.read_text().replace('"stage"', '"stge"', 1))
    with pytest.raises(ValueError, match=r"prompts.jsonl', line 1, to be a PromptRow"):
        workspace.prompts()


def test_rows_of_a_step_are_all_or_an_error(tmp_path):
    workspace = workspace_of(tmp_path, "abc")
    with pytest.raises(ValueError, match=r"step candidates to be done, got nothing in .* Run it first"):
        workspace.rows("candidates", CandidatesRow)
    folder = workspace.begin("candidates", {}, workspace.prompts())
    write(folder, "000000", "a", "b")
    with pytest.raises(ValueError, match="to be done, got 2 of 3 rows"):
        workspace.rows("candidates", CandidatesRow)
    write(folder, "000001", "c")
    (folder / "blocks/.000002.jsonl.77").write_text("{")
    assert workspace.rows("candidates", CandidatesRow) == [row("a"), row("b"), row("c")]
    with pytest.raises(ValueError, match="to be a PromptRow"):
        workspace.rows("candidates", PromptRow)


@pytest.mark.parametrize("path", ["../x.webp", "/etc/passwd", "candidates/../../x"])
def test_images_are_in_the_workspace(tmp_path, path):
    with pytest.raises(ValueError, match="Expected an image in the workspace"):
        workspace_of(tmp_path, "a").image(path)
