import pytest

from lightning_compose.prepare.prompts.benchmark_filter import read_benchmarks, read_prompts

GENEVAL = '{"tag": "single_object", "include": [{"class": "bench", "count": 1}], "prompt": "a photo of a bench"}\n'


def test_text_and_json_lines_are_read(tmp_path):
    (tmp_path / "color_val.txt").write_text("a green bench and a red bowl\n\na blue book \n")
    (tmp_path / "geneval.jsonl").write_text(GENEVAL)
    assert read_prompts(tmp_path / "color_val.txt") == ["a green bench and a red bowl", "a blue book"]
    assert read_prompts(tmp_path / "geneval.jsonl") == ["a photo of a bench"]


def test_json_files_are_read(tmp_path):
    multigen, genai = tmp_path / "coco_obj_comp.json", tmp_path / "genai_image.json"
    multigen.write_text('[{"unique_id": 0, "text": "a photo of a book and a cup."}]')
    genai.write_text('{"00000": {"id": "00000", "prompt": "A baker pulls bread."}, "00001": {"prompt": "A cat"}}')
    assert read_prompts(multigen) == ["a photo of a book and a cup."]
    assert read_prompts(genai) == ["A baker pulls bread.", "A cat"]


@pytest.mark.parametrize(
    ("content", "named"),
    [("{", "JSON"), ("3", "a list or an object"), ('["a"]', "entry 0"), ('{"x": {"prompt": " "}}', "entry 'x'")],
)
def test_a_json_file_of_another_form_is_refused(tmp_path, content, named):
    file = tmp_path / "a.json"
    file.write_text(content)
    with pytest.raises(ValueError, match=named):
        read_prompts(file)


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
