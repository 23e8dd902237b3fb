"""Stable Diffusion 3 behind the backbone's contract, against diffusers' own pipeline, scheduler and training."""

import json
import shutil

import pytest
import torch
from batches import pair_batch
from diffusers import FlowMatchEulerDiscreteScheduler, StableDiffusion3Pipeline
from diffusers.training_utils import compute_loss_weighting_for_sd3
from tiny_models import save_tiny_sd3_pipeline
from transformers import CLIPTokenizer

from benchmarks.full_size import write_configs
from lightning_compose.backbones import StableDiffusion3
from lightning_compose.data.schema import Noun
from lightning_compose.draws import Draws
from lightning_compose.inference import Prompt, generate
from lightning_compose.module import ComposeModule
from lightning_compose.needs import Needs

CAPTION = "a red cat and a dog"
NOUNS = (Noun("cat", ((6, 9),), mask=0), Noun("dog", ((16, 19),), mask=1))
WITHOUT_T5 = {"text_encoder_3": None, "tokenizer_3": None}


@pytest.fixture(scope="module")
def clip_only(tmp_path_factory):
    """A folder that was saved without T5."""
    return save_tiny_sd3_pipeline(tmp_path_factory.mktemp("clip_only"), t5=False)


@pytest.fixture(scope="module")
def backbone(tiny_sd3_pipeline):
    return StableDiffusion3(str(tiny_sd3_pipeline))


@pytest.fixture(scope="module", params=["with_t5", "saved_without_t5", "t5_left_out"])
def each_backbone(request, tiny_sd3_pipeline, clip_only):
    folder = clip_only if request.param == "saved_without_t5" else tiny_sd3_pipeline
    return StableDiffusion3(str(folder), t5=request.param != "t5_left_out")


def count(module):
    return sum(parameter.numel() for parameter in module.parameters())


# -- loading ---------------------------------------------------------------------------------------


def test_published_sd3_medium_has_its_parameters(tmp_path):
    folder = write_configs("sd3-medium", tmp_path)
    with torch.device("meta"):
        backbone = StableDiffusion3(config=str(folder))
    assert count(backbone.transformer) == 2_028_328_000
    assert count(backbone.vae) == 83_819_683
    assert count(backbone.text_encoder) == 123_650_304
    assert count(backbone.text_encoder_2) == 694_659_840
    assert count(backbone.text_encoder_3) == 4_762_310_656
    assert backbone.pooled_width == 2048
    assert backbone.latent_shape(1024, 768) == (16, 128, 96)
    assert backbone.default_features == ("block_11",)
    assert backbone.resolve(Needs(("default",))).attention == tuple(f"block_{index}" for index in range(11, 24))
    with torch.device("meta"):
        assert "text_encoder_3" not in dict(StableDiffusion3(config=str(folder), t5=False).named_children())


def test_config_keeps_weights_that_are_there_and_draws_the_rest_from_the_seed(tiny_sd3_pipeline, tmp_path, backbone):
    folder = shutil.copytree(tiny_sd3_pipeline, tmp_path / "model")
    (folder / "transformer/diffusion_pytorch_model.safetensors").unlink()
    (folder / "text_encoder_3/model.safetensors").unlink()
    first, again, other = (StableDiffusion3(config=str(folder), seed=seed) for seed in (0, 0, 1))
    for name in ("vae", "text_encoder", "text_encoder_2", "text_encoder_3", "transformer"):
        states = [dict(getattr(each, name).named_parameters()) for each in (first, again, other, backbone)]
        is_random = name in ("text_encoder_3", "transformer")
        key = next(key for key, value in states[0].items() if value.std() > 0)
        assert torch.equal(states[0][key], states[1][key])
        assert torch.equal(states[0][key], states[2][key]) != is_random
        assert torch.equal(states[0][key], states[3][key]) != is_random


def test_only_the_transformer_is_trained_and_the_rest_stays_in_evaluation_mode(each_backbone):
    each_backbone.train()
    trained = {name.split(".")[0] for name, each in each_backbone.named_parameters() if each.requires_grad}
    assert trained == {"transformer"}
    # T5 would start in training mode.
    assert {name for name, each in each_backbone.named_children() if each.training} == {"transformer"}


def test_half_precision_folder_is_loaded_in_float32(tiny_sd3_pipeline, tmp_path):
    StableDiffusion3Pipeline.from_pretrained(tiny_sd3_pipeline, dtype=torch.float16).save_pretrained(tmp_path)
    for backbone in (StableDiffusion3(str(tmp_path)), StableDiffusion3(config=str(tmp_path))):
        assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}


def test_options_reach_the_transformer(tiny_sd3_pipeline):
    for options in ({}, {"gradient_checkpointing": True}, {"channels_last": True}, {"compile_blocks": True}):
        backbone = StableDiffusion3(str(tiny_sd3_pipeline), **options)
        assert backbone.transformer.is_gradient_checkpointing == ("gradient_checkpointing" in options)
        weight = backbone.vae.encoder.conv_in.weight
        assert weight.is_contiguous(memory_format=torch.channels_last) == ("channels_last" in options)
        compiled = [block._compiled_call_impl is not None for block in backbone.transformer.transformer_blocks]
        assert all(compiled) == any(compiled) == ("compile_blocks" in options)


def test_the_identity_of_the_encoders_tells_with_t5_from_without(tiny_sd3_pipeline, backbone):
    without, shorter = (StableDiffusion3(str(tiny_sd3_pipeline), **each) for each in ({"t5": False}, {"t5_tokens": 8}))
    assert backbone.encoder_identity()["t5"] == {"used": True, "tokens": 256}
    assert without.encoder_identity()["t5"] == {"used": False, "tokens": 256}
    assert shorter.encoder_identity()["t5"] == {"used": True, "tokens": 8}
    assert set(backbone.component_configs()) == {
        *("transformer", "vae", "text_encoder", "text_encoder_2", "text_encoder_3", "scheduler")
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"t5": False, "supervise": "t5"}, "a model with T5 for `supervise: t5`"),
        ({"t5": False, "supervise": "both"}, "a model with T5 for `supervise: both`"),
        ({"encoder_dropout": 1.0}, r"`encoder_dropout` to be a share in \[0, 1\)"),
        ({"t5_tokens": 0}, r"`t5_tokens` to be in \[1, 512\]"),
        ({"t5_tokens": 513}, r"`t5_tokens` to be in \[1, 512\]"),
        ({"t5_tokens": 77.5}, "`t5_tokens` to be a whole number"),
        ({"pretrained": "nowhere", "t5_tokens": True}, "`t5_tokens` to be a whole number"),
        ({"supervise": "all"}, "`supervise` to be one of"),
        ({"density": "normal"}, "`density` to be one of"),
        ({"logit_mean": float("nan")}, "`logit_mean` to be a finite number"),
        ({"logit_std": -1.0}, "`logit_std` to be a finite number above 0"),
        ({"config": "other"}, "exactly one of `pretrained`"),
    ],
)
def test_what_cannot_work_is_refused(tiny_sd3_pipeline, arguments, message):
    with pytest.raises(ValueError, match=message):
        StableDiffusion3(**({"pretrained": str(tiny_sd3_pipeline)} | arguments))


def test_a_shift_that_follows_the_resolution_is_refused(tiny_sd3_pipeline, tmp_path):
    folder = shutil.copytree(tiny_sd3_pipeline, tmp_path / "model")
    file = folder / "scheduler/scheduler_config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"use_dynamic_shifting": True}))
    with pytest.raises(ValueError, match="Expected a scheduler with a fixed `shift`"):
        StableDiffusion3(str(folder))


# -- captions --------------------------------------------------------------------------------------


def test_captions_are_encoded_as_by_the_pipeline(each_backbone):
    captions = [CAPTION, "wow! a dog", ""]
    text = each_backbone.encode_text(each_backbone.tokenize(captions, [()] * 3, 1))
    with torch.no_grad():
        sequence, _, pooled, _ = each_backbone.pipeline().encode_prompt(captions, None, None)
    assert torch.equal(text.sequence, sequence)
    assert torch.equal(text.pooled, pooled)
    assert pooled.shape == (3, each_backbone.pooled_width)
    assert text.sequence[:, 77:].any() == each_backbone.joint_text.has_t5


def test_what_is_kept_of_encoded_captions_gives_them_back_without_what_is_zero_anyway(each_backbone):
    text = each_backbone.encode_text(each_backbone.tokenize(["a red cube", ""], [()] * 2, max_nouns=1))
    fields = each_backbone.text_fields(text)
    again = each_backbone.text(fields)
    assert torch.equal(again.sequence, text.sequence)
    assert torch.equal(again.pooled, text.pooled)
    assert ("t5" in fields) == each_backbone.joint_text.has_t5
    assert fields["clip"].shape[2] < text.sequence.shape[2]
    assert fields["clip"].any(dim=(0, 1)).all()


def test_nouns_become_the_text_tokens_of_the_encoders_that_are_supervised(tiny_sd3_pipeline):
    # <start> a r e d | c a t; T5: _ a _ r e d | _cat
    expected = {"clip": [5, 6, 7], "t5": [77 + 6], "both": [5, 6, 7, 77 + 6]}
    for supervise, tokens in expected.items():
        backbone = StableDiffusion3(str(tiny_sd3_pipeline), supervise=supervise, t5_tokens=20)
        found = backbone.tokenize([CAPTION, "a"], [(NOUNS[0], Noun("far", ((40, 44),))), ()], max_nouns=3)
        assert found.ids.shape == (2, 77 + 77 + 20)
        assert found.nouns.shape == (2, 3, 77 + 20)
        assert found.nouns[0, 0].nonzero().flatten().tolist() == tokens
        assert not found.nouns[0, 1:].any()
        assert not found.nouns[1].any()


@pytest.fixture
def joins_exclamations(tiny_sd3_pipeline):
    """The vocabulary is as CLIP's: the second tokenizer pads with "!", so that it never joins two of them."""
    backbone = StableDiffusion3(str(tiny_sd3_pipeline))
    vocabulary = backbone.tokenizer.get_vocab()
    vocabulary["!!</w>"] = vocabulary.pop("\u0143</w>")
    backbone.tokenizer = CLIPTokenizer(vocab=vocabulary, merges=[("!", "!</w>")], model_max_length=77)
    return backbone


def test_a_noun_is_supervised_where_both_clip_encoders_read_it(joins_exclamations):
    found = joins_exclamations.tokenize(
        ["so!! cat", "so cat"], [(Noun("cat", ((5, 8),)),), (Noun("cat", ((3, 6),)),)], max_nouns=1
    )
    # <start> s o !! c a t against <start> s o ! ! c a t
    assert found.nouns[0, 0].nonzero().flatten().tolist() == [5, 6]
    assert found.nouns[1, 0].nonzero().flatten().tolist() == [3, 4, 5]


def test_a_noun_that_the_clip_encoders_read_at_different_places_is_counted(joins_exclamations):
    batch = pair_batch([0])
    batch.captions, batch.nouns = ["so!! x"], [(Noun("x", ((5, 6),), mask=0),)]
    batch.noun_supervised[:, 1:] = False
    step = ComposeModule(joins_exclamations, caption_dropout=0.0).denoising_step(batch)
    assert not step.noun_supervised.any()
    assert step.unsupervised_nouns == 1


# -- noise -----------------------------------------------------------------------------------------


def test_noise_is_added_as_by_the_scheduler(backbone):
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(backbone.scheduler.config)
    timesteps = scheduler.timesteps[[0, 1, 500, 998, 999]]
    latents, noise = torch.randn(5, 8, 8, 8), torch.randn(5, 8, 8, 8)
    noisy = backbone.add_noise(latents, noise, timesteps)
    torch.testing.assert_close(noisy, scheduler.scale_noise(latents, timesteps, noise), rtol=0, atol=1e-6)


def test_a_step_of_the_scheduler_along_the_target_ends_at_the_image(backbone):
    scheduler = FlowMatchEulerDiscreteScheduler.from_config(backbone.scheduler.config)
    scheduler.set_timesteps(1)
    latents, noise = torch.randn(1, 8, 8, 8), torch.randn(1, 8, 8, 8)
    noisy = backbone.add_noise(latents, noise, scheduler.timesteps)
    target = backbone.target(latents, noise, scheduler.timesteps)
    torch.testing.assert_close(scheduler.step(target, scheduler.timesteps[0], noisy).prev_sample, latents)


def test_latents_are_shifted_and_scaled_as_the_pipeline_undoes(backbone):
    images, noise = torch.rand(2, 3, 16, 16) * 2 - 1, torch.randn(2, 8, 8, 8)
    moments, config = backbone.vae.encode(images).latent_dist, backbone.vae.config
    latents = backbone.encode_images(images, noise)
    undone = latents / config.scaling_factor + config.shift_factor
    torch.testing.assert_close(undone, moments.mean + moments.std * noise)


def test_sizes_are_bounded_by_patches_and_positions(backbone):
    assert backbone.latent_shape(16, 32) == (8, 8, 16)
    with pytest.raises(ValueError, match="multiples of 4 px"):
        backbone.latent_shape(18, 16)
    with pytest.raises(ValueError, match="at most 32 px"):
        backbone.latent_shape(16, 36)


@pytest.mark.parametrize("scheme", ["logit_normal", "mode", "none"])
def test_the_loss_is_that_of_diffusers_training_script(each_backbone, scheme):
    """The lines of train_dreambooth_sd3.py, on the step's own sigmas."""
    module, batch = ComposeModule(each_backbone, caption_dropout=0.0), pair_batch([3, 4])
    step = module.denoising_step(batch)
    pipeline, vae = each_backbone.pipeline(), each_backbone.vae
    with torch.no_grad():
        prompt_embeds, _, pooled_prompt_embeds, _ = pipeline.encode_prompt(batch.captions, None, None)
        latent_dist = vae.encode(batch.positive.float() / 127.5 - 1).latent_dist
        drawn = Draws(module.seed, "train", batch.indices, torch.device("cpu")).normal("moments", (8, 8, 8))
        model_input = latent_dist.mean + latent_dist.std * drawn
        model_input = (model_input - vae.config.shift_factor) * vae.config.scaling_factor
        sigmas = (step.timesteps / 1000)[:, None, None, None]
        noisy_model_input = (1.0 - sigmas) * model_input + sigmas * step.noise
        model_pred = each_backbone.transformer(
            hidden_states=noisy_model_input,
            timestep=step.timesteps,
            encoder_hidden_states=prompt_embeds,
            pooled_projections=pooled_prompt_embeds,
            return_dict=False,
        )[0]
        weighting = compute_loss_weighting_for_sd3(weighting_scheme=scheme, sigmas=sigmas)
        target = step.noise - model_input
        loss = torch.mean(
            (weighting.float() * (model_pred.float() - target.float()) ** 2).reshape(target.shape[0], -1), 1
        ).mean()
    torch.testing.assert_close(step.noisy, noisy_model_input, rtol=0, atol=1e-6)
    torch.testing.assert_close(step.target, target, rtol=0, atol=1e-6)
    torch.testing.assert_close(step.prediction, model_pred, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(module.training_loss(step).detach(), loss, rtol=1e-5, atol=0)


# -- out again -------------------------------------------------------------------------------------


def test_an_export_reloads_to_the_same_images(each_backbone, tmp_path):
    each_backbone.pipeline().save_pretrained(tmp_path)
    again = StableDiffusion3(str(tmp_path))
    absent = {} if again.joint_text.has_t5 else WITHOUT_T5
    theirs = StableDiffusion3Pipeline.from_pretrained(tmp_path, **absent)
    assert again.joint_text == each_backbone.joint_text
    prompts, settings = [Prompt("a red cat", 7), Prompt("two", 8)], {"num_inference_steps": 2, "guidance_scale": 3.0}
    ours, reloaded = (list(generate(each, prompts, **settings)) for each in (each_backbone, again))
    for prompt, one, other in zip(prompts, ours, reloaded, strict=True):
        generator = torch.Generator().manual_seed(prompt.seed)
        expected = theirs([prompt.text], generator=[generator], **settings).images[0]
        assert one.tobytes() == other.tobytes() == expected.tobytes()


def test_images_are_drawn_with_as_many_t5_tokens_as_were_trained(tiny_sd3_pipeline, backbone):
    shorter = StableDiffusion3(str(tiny_sd3_pipeline), t5_tokens=16)
    images = [next(generate(each, [Prompt("a cat", 1)], num_inference_steps=2)) for each in (backbone, shorter)]
    assert images[0].tobytes() != images[1].tobytes()
