"""Prompts read, images generated: each depends on its own prompt and seed alone."""

import json

import numpy as np
import pytest
import torch
from families import load_backbone, on_both_families

from lightning_compose.inference import Prompt, generate, read_prompts

PROMPTS = [Prompt("a red circle", 3), Prompt("two squares", 9), Prompt("a cat", 3)]


@pytest.fixture(scope="module")
def backbone(pipeline):
    return load_backbone(pipeline)


def test_lines_of_text_are_prompts(tmp_path):
    (tmp_path / "p.txt").write_text("a cat\n\n  a dog \n")
    assert read_prompts(tmp_path / "p.txt", seed=5) == [Prompt("a cat", 5), Prompt("a dog", 6)]


def test_json_lines_may_have_seeds(tmp_path):
    rows = [{"prompt": "a cat"}, {"prompt": "a dog", "seed": 77, "id": "extra"}, {"prompt": "a cow"}]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [each.seed for each in read_prompts(tmp_path / "p.jsonl", seed=5)] == [5, 77, 7]


SEEDS = [f'{{"prompt": "a", "seed": {seed}}}' for seed in (-1, 2**64, "true")]


@pytest.mark.parametrize(
    "line", ["a cat", '{"text": "a cat"}', '{"prompt": 3}', '{"prompt": "a", "seed": "b"}', "[1]", *SEEDS]
)
def test_a_broken_line_is_named(tmp_path, line):
    (tmp_path / "p.jsonl").write_text(f'{{"prompt": "a"}}\n{line}\n')
    with pytest.raises(ValueError, match=r"Expected line .*p\.jsonl:2 to be a JSON object"):
        read_prompts(tmp_path / "p.jsonl")


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "p.txt").write_text("\n \n")
    with pytest.raises(ValueError, match="at least one prompt"):
        read_prompts(tmp_path / "p.txt")


def test_a_mark_of_utf_8_is_no_part_of_the_prompt(tmp_path):
    (tmp_path / "p.txt").write_text("a cat", encoding="utf-8-sig")
    assert read_prompts(tmp_path / "p.txt") == [Prompt("a cat", 0)]


def test_another_encoding_is_refused(tmp_path):
    (tmp_path / "p.txt").write_text("a caf\u00e9 table", encoding="latin-1")
    with pytest.raises(ValueError, match=r"Expected '.*p\.txt' to be text in UTF-8"):
        read_prompts(tmp_path / "p.txt")


def test_a_seed_out_of_range_is_refused(tmp_path):
    (tmp_path / "p.txt").write_text("a cat")
    with pytest.raises(ValueError, match=r"the seed of 'a cat' to be in \[0, 2\*\*64\), got -1"):
        read_prompts(tmp_path / "p.txt", seed=-1)


@on_both_families
def test_an_image_does_not_depend_on_its_batch(backbone):
    together = [np.asarray(each, dtype=int) for each in generate(backbone, PROMPTS, 2, batch_size=3)]
    alone = [np.asarray(each, dtype=int) for each in generate(backbone, PROMPTS, 2, batch_size=1)]
    # Kernels round differently for another batch size: a level of 255 at most.
    assert max(np.abs(a - b).max() for a, b in zip(together, alone, strict=True)) <= 1
    assert np.abs(together[0] - together[2]).max() > 1, "the prompt matters, or the test shows nothing"
    assert np.abs(together[0] - together[1]).max() > 1


@on_both_families
def test_the_global_random_generators_are_left_alone(backbone):
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    first = [np.asarray(each) for each in generate(backbone, PROMPTS[:1], 2)]
    torch.manual_seed(123)
    second = [np.asarray(each) for each in generate(backbone, PROMPTS[:1], 2)]
    torch.set_rng_state(torch_state)
    list(generate(backbone, PROMPTS[:1], 2))
    assert torch.equal(torch.get_rng_state(), torch_state)
    assert np.array_equal(np.random.get_state()[1], numpy_state)
    assert np.array_equal(first[0], second[0])


@on_both_families
@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_restored_also_when_the_caller_stops_early(backbone, training):
    backbone.train(training)
    images = generate(backbone, PROMPTS, 1, batch_size=1)
    next(images)
    assert backbone.trained.training is training, "between two batches too: the caller may train on"
    images.close()
    assert backbone.trained.training is training
    assert not backbone.vae.training


@on_both_families
def test_a_size_of_ones_own(backbone):
    (image,) = generate(backbone, PROMPTS[:1], 1, height_px=16, width_px=32)
    assert image.size == (32, 16)


@pytest.mark.parametrize("name", ["batch_size", "num_inference_steps"])
def test_zero_is_refused_before_anything_is_written(backbone, name):
    with pytest.raises(ValueError, match=f"`{name}` to be at least 1"):
        generate(backbone, PROMPTS, **{name: 0})
