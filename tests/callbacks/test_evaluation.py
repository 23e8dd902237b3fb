"""The evaluation: when it draws, what it draws with, what it leaves behind."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from batches import batches
from lightning.pytorch.trainer.states import TrainerFn
from PIL import Image
from pixel_judge import PixelJudge
from tiny_clip import save_tiny_clip

from lightning_compose.callbacks.ema import EMA
from lightning_compose.callbacks.evaluation import Evaluation, _step
from lightning_compose.callbacks.verdict_page import verdict_page
from lightning_compose.evaluation.prompts import read_benchmark, write_prompts
from lightning_compose.evaluation.scores import read_scores
from lightning_compose.inference import Prompt, generate
from lightning_compose.shapes.benchmark import draw_prompts


@pytest.fixture
def prompts(tmp_path):
    write_prompts(draw_prompts(1), tmp_path / "prompts.jsonl")
    return tmp_path / "prompts.jsonl"


@pytest.fixture
def evaluation(prompts):
    def make(**settings):
        return Evaluation(str(prompts), 1, guidance_scale=1.0, judge=PixelJudge(), **settings)

    return make


@pytest.fixture
def test(make_trainer, module):
    """Test the module with a callback; return what was logged."""

    def run(*callbacks):
        (logged,) = make_trainer(callbacks=list(callbacks)).test(module, batches(1), verbose=False)
        return logged

    return run


def images(folder):
    return [np.asarray(Image.open(folder / f"images/{index:05d}.png")) for index in range(18)]


def test_it_draws_judges_and_writes(test, evaluation, module, prompts, tmp_path):
    logged = test(evaluation(clip=str(save_tiny_clip(tmp_path / "clip"))))
    folder = tmp_path / "evaluation/000000"
    benchmark, scores = read_benchmark(prompts), read_scores(folder / "scores.csv")
    drawn = list(
        generate(module.backbone, [Prompt(each.prompt, each.seed) for each in benchmark], 1, 1.0, batch_size=8)
    )
    assert all(np.array_equal(one, other) for one, other in zip(images(folder), drawn, strict=True))
    verdicts = PixelJudge().judge(drawn, benchmark)
    assert [each.correct for each in scores] == [each.correct for each in verdicts]
    colors = [each.correct for each in scores if (each.category, each.split) == ("color", "held_out")]
    assert logged["test/accuracy/color/held_out"] == sum(colors) / len(colors)
    seen = [each.clip_score for each in scores if each.split == "seen"]
    assert logged["test/clip_score"] == pytest.approx(sum(seen) / len(seen), abs=1e-3)
    assert {"test/kid", "test/mg5", "test/loss"} <= set(logged)
    assert np.array_equal(Image.open(folder / "page.png"), verdict_page(drawn, scores))


def test_without_prompts_or_clip_it_measures_less(test, evaluation, tmp_path):
    assert not [name for name in test(Evaluation()) if "accuracy" in name]
    assert not (tmp_path / "evaluation").exists()
    assert not {"test/kid", "test/clip_score"} & set(test(evaluation()))


@pytest.mark.parametrize("validate", [False, True])
def test_a_training_evaluates_where_it_is_asked_to(make_trainer, module, evaluation, tmp_path, validate):
    trainer = make_trainer(
        callbacks=[evaluation(validate=validate)], max_steps=2, val_check_interval=1, num_sanity_val_steps=1
    )
    trainer.fit(module, batches(2), batches(1))
    steps = sorted(each.name for each in tmp_path.glob("evaluation/*"))
    assert steps == (["000001", "000002"] if validate else [])
    assert ("val/accuracy/mean" in trainer.callback_metrics) == validate


def test_validate_evaluates(make_trainer, module, evaluation):
    (logged,) = make_trainer(callbacks=[evaluation()]).validate(module, batches(1), verbose=False)
    assert "val/accuracy/mean/held_out" in logged


def test_it_leaves_no_trace_in_a_training(train, module, evaluation):
    start = {name: value.clone() for name, value in module.state_dict().items()}
    trained = []
    for callbacks in ([], [evaluation(validate=True)]):
        module.load_state_dict(start)
        torch.manual_seed(0)
        trainer = train(2, callbacks, val_check_interval=1)
        trained.append([*(each.clone() for each in module.backbone.unet.parameters()), torch.get_rng_state()])
        assert trainer.global_step == 2
    assert all(torch.equal(one, other) for one, other in zip(*trained, strict=True))


def test_the_average_draws(make_trainer, module, evaluation, tmp_path):
    module.optimizer = lambda parameters: torch.optim.SGD(parameters, lr=1.0)
    callbacks = [EMA(decay=0.9), evaluation()]
    trainer = make_trainer(max_steps=2, callbacks=callbacks)
    trainer.fit(module, batches(2))
    trainer.test(module, batches(1), verbose=False)
    by_average = images(tmp_path / "evaluation/000002")
    callbacks[0].weights = "trained"
    trainer.test(module, batches(1), verbose=False)
    by_weights = images(tmp_path / "evaluation/000002")
    assert not all(np.array_equal(one, other) for one, other in zip(by_average, by_weights, strict=True))


def test_without_encoders_it_draws_nothing(make_trainer, module, evaluation, tmp_path):
    module.backbone.encoders = False
    callback = evaluation()
    callback.setup(make_trainer(), module, "test")
    callback.on_test_epoch_end(make_trainer(), module)
    assert not (tmp_path / "evaluation").exists()


def test_neither_a_trial_run_nor_a_training_after_a_test_draws(make_trainer, module, evaluation, tmp_path):
    callback = evaluation()
    callback.setup(make_trainer(fast_dev_run=True), module, "test")
    callback.on_test_epoch_end(make_trainer(), module)
    for stage in ("test", "fit"):
        callback.setup(make_trainer(), module, stage)
    callback.on_validation_epoch_end(make_trainer(), module)
    assert not (tmp_path / "evaluation").exists()


@pytest.fixture
def drawn_by(evaluation, monkeypatch, tmp_path):
    """Evaluate as a rank of several that draws nothing; return the seeds of its prompts, and its folder."""

    def run(rank, world_size):
        seeds = []
        monkeypatch.setattr(
            "lightning_compose.callbacks.evaluation.generate",
            lambda _, prompts, **settings: seeds.extend(each.seed for each in prompts) or blank(len(prompts)),
        )
        trainer = SimpleNamespace(
            global_rank=rank,
            world_size=world_size,
            is_global_zero=rank == 0,
            fast_dev_run=False,
            default_root_dir=tmp_path / str(rank),
            state=SimpleNamespace(fn=TrainerFn.TESTING),
            ckpt_path=None,
            global_step=0,
        )
        module = SimpleNamespace(backbone=SimpleNamespace(encoders=True), device="cpu", log=lambda *_, **__: None)
        callback = evaluation()
        callback.setup(trainer, module, "test")
        callback.on_test_epoch_end(trainer, module)
        return seeds, trainer.default_root_dir

    return run


def blank(count):
    return [Image.new("RGB", (16, 16)) for _ in range(count)]


def test_ranks_draw_equally_many_and_the_first_one_writes(drawn_by):
    # 18 prompts, whose seeds are their numbers; the last two ranks of four have one less.
    seeds, folders = zip(*(drawn_by(rank, 4) for rank in range(4)), strict=True)
    assert seeds[:2] == ([0, 4, 8, 12, 16], [1, 5, 9, 13, 17])
    assert seeds[2:] == ([2, 6, 10, 14, 0], [3, 7, 11, 15, 0])
    assert [folder.exists() for folder in folders] == [True, False, False, False]
    assert len(read_scores(folders[0] / "evaluation/000000/scores.csv")) == 5


@pytest.mark.parametrize(("stage", "step"), [(TrainerFn.FITTING, 7), (TrainerFn.TESTING, 3)])
def test_a_resumed_training_is_at_its_own_step_and_a_test_at_that_of_its_checkpoint(stage, step, tmp_path):
    torch.save({"global_step": 3}, tmp_path / "last.ckpt")
    trainer = SimpleNamespace(state=SimpleNamespace(fn=stage), ckpt_path=tmp_path / "last.ckpt", global_step=7)
    assert _step(trainer) == step


def test_a_missing_file_is_refused_before_anything_is_drawn(make_trainer, module, tmp_path):
    with pytest.raises(FileNotFoundError, match="shapes prompts --out"):
        make_trainer(callbacks=[Evaluation(str(tmp_path / "none.jsonl"))]).test(module, batches(1))


@pytest.mark.parametrize("settings", [{"num_inference_steps": 0}, {"batch_size": 0}])
def test_refuses_numbers_below_one(settings):
    with pytest.raises(ValueError, match="at least 1"):
        Evaluation(**settings)
