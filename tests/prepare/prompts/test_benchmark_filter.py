import pytest

from lightning_compose.prepare.prompts.benchmark_filter import read_benchmarks, read_prompts

GENEVAL = '{"tag": "single_object", "include": [{"class": "bench", "count": 1}], "prompt": "a photo of a bench"}\n'


def test_text_and_json_lines_are_read(tmp_path):
    (tmp_path / "color_val.txt").write_text("a green bench and a red bowl\n\na blue book \n")
    (tmp_path / "geneval.jsonl").write_text(GENEVAL)
    assert read_prompts(tmp_path / "color_val.txt") == ["a green bench and a red bowl", "a blue book"]
    assert read_prompts(tmp_path / "geneval.jsonl") == ["a photo of a bench"]


def test_all_files_are_known(tmp_path):
    (tmp_path / "a.txt").write_text("a blue book\n")
    (tmp_path / "b.jsonl").write_text(GENEVAL)
    known = read_benchmarks([str(tmp_path / "a.txt"), str(tmp_path / "b.jsonl")], 0.8)
    assert known.find("A blue book.").text == "a blue book"
    assert known.find("A bench.").text == "a photo of a bench"
    assert known.find("A red book.") is None


@pytest.mark.parametrize("line", ["no json", '{"caption": "a"}', '{"prompt": 3}', '{"prompt": " "}', "[]"])
def test_a_line_without_prompt_is_named(tmp_path, line):
    file = tmp_path / "a.jsonl"
    file.write_text(f"{GENEVAL}{line}\n")
    with pytest.raises(ValueError, match=r"a\.jsonl:2"):
        read_prompts(file)


def test_other_kinds_empty_and_missing_files_are_refused(tmp_path):
    with pytest.raises(ValueError, match="end in one of"):
        read_prompts(tmp_path / "a.csv")
    with pytest.raises(FileNotFoundError, match="Check the path"):
        read_prompts(tmp_path / "a.txt")
    (tmp_path / "a.txt").write_text("\n")
    with pytest.raises(ValueError, match="at least one prompt"):
        read_prompts(tmp_path / "a.txt")
