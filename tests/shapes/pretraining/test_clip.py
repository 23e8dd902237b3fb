"""The small CLIP: it trains, goes on from its checkpoint, and its text tower is a pipeline's."""

from dataclasses import replace
from pathlib import Path

import torch
from transformers import CLIPModel, CLIPTextModel

from lightning_compose.shapes.caption_noise import WEB_NOISE
from lightning_compose.shapes.noisy import draw_noisy
from lightning_compose.shapes.pretraining.clip import (
    ASSETS,
    HELD_OUT_FIRST,
    ClipRun,
    Recipe,
    build_clip,
    captioned_batch,
    load_tokenizer,
    parameter_groups,
    train,
)

SHIPPED = Path(ASSETS).parent / "shapes-clip"


def recipe(out: Path, steps: int) -> Recipe:
    return Recipe(out=out, steps=steps, batch_size=4, held_out=4, log_interval_steps=1, warmup_steps=1)


def test_a_run_that_goes_on_equals_a_straight_one(tmp_path):
    straight = train(recipe(tmp_path / "straight", 3))
    cut_after_two_steps(tmp_path / "cut")
    resumed = train(recipe(tmp_path / "cut", 3))
    for name, value in straight.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name


def cut_after_two_steps(out: Path) -> None:
    out.mkdir()
    run = ClipRun(recipe(out, 3))
    run.advance(0)
    run.advance(1)
    run.save()


def test_the_text_encoder_published_is_that_of_the_clip(tmp_path):
    train(recipe(tmp_path, 1))
    assert str(ASSETS) not in (tmp_path / "clip/config.json").read_text()
    clip = CLIPModel.from_pretrained(tmp_path / "clip", dtype=torch.float32).eval()
    text_encoder = CLIPTextModel.from_pretrained(tmp_path / "text_encoder", dtype=torch.float32).eval()
    tokens = load_tokenizer()(["a red ring", "two hearts"], padding=True, return_tensors="pt").input_ids
    with torch.no_grad():
        assert torch.equal(clip.text_model(tokens).last_hidden_state, text_encoder(tokens).last_hidden_state)


def test_images_and_captions_belong_together():
    batch = captioned_batch(load_tokenizer(), seed=5, first=7, count=3)
    assert batch["pixel_values"].shape == (3, 3, 64, 64)
    texts = load_tokenizer().batch_decode(batch["input_ids"], skip_special_tokens=True)
    for offset, text in enumerate(texts):
        assert text.replace(" ", "") == draw_noisy(5, 7 + offset).caption.text.lower().replace(" ", "")


def test_every_parameter_is_in_one_group_and_tables_are_not_orthogonalised():
    model = build_clip(0)
    matrices, tables = parameter_groups(model)
    assert sum(each.numel() for each in matrices["params"] + tables["params"]) == model.num_parameters()
    assert not tables["muon"]
    assert any(each is model.text_model.embeddings.token_embedding.weight for each in tables["params"])


def test_the_shipped_clip_finds_images_by_captions_far_above_chance():
    model = CLIPModel.from_pretrained(SHIPPED, dtype=torch.float32).eval()
    with torch.no_grad():
        batch = captioned_batch(load_tokenizer(), 1, HELD_OUT_FIRST, 64, replace(WEB_NOISE, noun_invented=0.0))
        logits = model(**batch).logits_per_text
    assert (logits.argmax(dim=1) == torch.arange(64)).float().mean() > 0.4  # chance: 0.016
