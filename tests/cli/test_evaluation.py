"""`test` of a checkpoint and of a diffusers folder, `score` of images, `compare` of both: what a user types."""

from pathlib import Path

import pytest
from PIL import Image
from tiny_clip import save_tiny_clip

from lightning_compose.cli import main
from lightning_compose.evaluation.prompts import read_benchmark
from lightning_compose.evaluation.scores import read_scores
from lightning_compose.shapes.benchmark import FIRST_SEED, pairs_of
from lightning_compose.shapes.render import render

DRAWING = ["--evaluation.num_inference_steps", "1", "--evaluation.guidance_scale", "1"]


@pytest.fixture
def prompts(config):
    main(["shapes", "prompts", "--out", "prompts.jsonl", "--per_category", "1"])
    return "prompts.jsonl"


@pytest.fixture
def few(prompts):
    """The oracle is slow on the noise that an untrained model draws."""
    Path("few.jsonl").write_text("".join(Path(prompts).read_text().splitlines(keepends=True)[:3]))
    return "few.jsonl"


def test_a_checkpoint_a_diffusers_folder_and_images(config, few, shards, capsys):
    asked = ["--config", config, "--data.test_root", str(shards), "--evaluation.prompts", few, *DRAWING]
    main(["fit", "--config", config, "--model.optimizer", "torch.optim.SGD", "--model.optimizer.lr", "1"])
    main(["test", *asked, "--ckpt_path", "last", "--trainer.limit_test_batches", "1"])
    # The weights of the config: those of the folder that it names.
    main(["test", *asked, "--run_dir", "before", "--trainer.limit_test_batches", "1"])
    before, after = "before/evaluation/000000/scores.csv", "runs/tiny/evaluation/000003/scores.csv"
    assert len(read_scores(Path(before))) == len(read_scores(Path(after))) == 3

    drawn = ["--prompts", few, "--num_inference_steps", "1", "--guidance_scale", "1", "--batch_size", "8"]
    main(["predict", "--config", config, "--run_dir", "none", *drawn, "--out", "images"])
    capsys.readouterr()
    main(["score", "images", "--prompts", few, "--out", "scored"])
    assert "accuracy/color" in capsys.readouterr().out
    assert read_scores(Path("scored/scores.csv")) == read_scores(Path(before))

    main(["compare", before, after, "--out", "compared"])
    assert "Mean accuracy over the categories" in capsys.readouterr().out
    assert {each.name for each in Path("compared").iterdir()} == {"before_after.png", "comparison.csv", "comparison.md"}


def test_score_tells_right_images_from_wrong_ones(prompts, tmp_path, capsys):
    for name in ("positive", "negative"):
        folder = tmp_path / name
        folder.mkdir()
        for index, prompt in enumerate(read_benchmark(Path(prompts))):
            category = prompt.category if prompt.category != "multigen" else "complex"
            pair = next(pairs_of(category, prompt.split, FIRST_SEED))
            Image.fromarray(render(getattr(pair, name))).save(folder / f"{index}.png")
        clip = str(save_tiny_clip(tmp_path / "clip"))
        main(["score", str(folder), "--prompts", prompts, "--out", f"{name}-scores", "--clip", clip])
    main(["compare", "negative-scores/scores.csv", "positive-scores/scores.csv", "--out", "compared"])
    printed = capsys.readouterr().out
    assert "clip_score" in printed
    assert "rises from 0.0 % to 100.0 %" in printed
    assert Path("positive-scores/page.png").is_file()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["score", "none", "--prompts", "prompts.jsonl", "--out", "out"], "Expected a folder of images"),
        (["score", ".", "--prompts", "none.jsonl", "--out", "out"], "shapes prompts --out"),
        (["score", ".", "--prompts", "prompts.jsonl"], "--out"),
        (["compare", "a.csv", "b.csv", "--out", "out"], "Expected the scores of a benchmark"),
    ],
)
def test_mistakes_are_one_line(prompts, arguments, message, capsys):
    capsys.readouterr()
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


@pytest.mark.parametrize("size", [(64, 48), (32, 32)])
def test_an_image_of_another_size_is_named(few, size, tmp_path, capsys):
    for index in range(3):
        Image.new("RGB", size if index == 1 else (64, 64)).save(tmp_path / f"{index}.png")
    assert f"{size[0]} x {size[1]} px in '{tmp_path / '1.png'}'" in refused(tmp_path, few, capsys)


def test_an_image_that_is_cut_off_is_named(few, tmp_path, capsys):
    for index in range(3):
        Image.effect_noise((64, 64), 50).save(tmp_path / f"{index}.png")
    (tmp_path / "2.png").write_bytes((tmp_path / "1.png").read_bytes()[:600])
    assert f"Expected '{tmp_path / '2.png'}' to be an image" in refused(tmp_path, few, capsys)


def refused(images, prompts, capsys):
    """Return the one line that `score` ends with."""
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["score", str(images), "--prompts", prompts, "--out", str(images / "out")])
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_judge_is_a_class(config, prompts, shards):
    asked = ["--config", config, "--data.test_root", str(shards), "--evaluation.prompts", prompts, *DRAWING]
    main(["test", *asked, "--evaluation.judge", "pixel_judge.PixelJudge", "--trainer.limit_test_batches", "1"])
    scores = read_scores(Path("runs/tiny/evaluation/000000/scores.csv"))
    assert {each.right == each.questions for each in scores} == {True, False}
