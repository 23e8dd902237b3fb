"""Training on cached features is training on the images and captions themselves, up to float16's rounding."""

from pathlib import Path

import numpy as np
import pytest
import torch
from families import load_backbone, on_both_families
from recorder import quiet_trainer

import lightning_compose
from lightning_compose.backbones import StableDiffusion
from lightning_compose.cli.feature_cache import BackboneEncoder
from lightning_compose.data.cache import FeatureCache
from lightning_compose.data.cache.identity import cache_identity
from lightning_compose.data.cache.layout import POSITIVE_MOMENTS
from lightning_compose.data.cache.writer import CacheWriter
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.images import decode_image
from lightning_compose.data.shards import ShardSet, ShardWriter
from lightning_compose.losses import ContrastiveLoss, PixelLoss, TokenLoss
from lightning_compose.module import ComposeModule
from lightning_compose.shapes.generate import generate

ASSETS = Path(lightning_compose.__file__).parent / "assets/shapes"
SIZES = {"size_px": 16, "global_batch_size": 4, "micro_batch_size": 2, "num_workers": 0, "val_fraction": 0.2}


def write_cache(root, out, backbone, size_px):
    shards = ShardSet(root)
    writer, encoder = CacheWriter(shards, out, size_px), BackboneEncoder(backbone, torch.device("cpu"))
    writer.begin(cache_identity(shards, size_px, backbone.encoder_identity()), encoder)
    for number in writer.missing():
        writer.write(number, encoder)
    writer.finish()
    return out


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    root = tmp_path_factory.mktemp("sets") / "rendered"
    with ShardWriter(root, 16) as writer:
        for sample in generate(0, "train", range(24), size_px=64):
            writer.write(sample)
    return root


@pytest.fixture(scope="module")
def cache(rendered, pipeline):
    return write_cache(
        rendered, rendered.with_name(f"cache-{pipeline.name}"), load_backbone(pipeline), SIZES["size_px"]
    )


def logged_by_fit(folder, data, pipeline, encoders=True):
    module = ComposeModule(load_backbone(pipeline, encoders=encoders), caption_dropout=0.5)
    losses = [ContrastiveLoss(weight=0.1), TokenLoss(weight=1.0), PixelLoss(weight=0.1)]
    trainer = quiet_trainer(default_root_dir=folder, max_steps=3, callbacks=losses, val_check_interval=3)
    trainer.fit(module, data)
    return {name: float(value) for name, value in trainer.callback_metrics.items() if "images" not in name}


@on_both_families
@pytest.mark.parametrize("encoders", [True, False])
def test_all_losses_are_those_without_the_cache(tmp_path, rendered, cache, pipeline, encoders):
    plain = logged_by_fit(tmp_path, ConPairDataModule(str(rendered), **SIZES), pipeline)
    data = ConPairDataModule(str(rendered), **SIZES, cache=str(cache))
    cached = logged_by_fit(tmp_path, data, pipeline, encoders)
    assert {
        "train/contrastive_loss",
        "train/token_loss",
        "train/pixel_loss",
        "val/loss",
        "train/denoise",
    } <= plain.keys()
    assert cached == pytest.approx(plain, rel=2e-3, abs=2e-5)


@on_both_families
def test_a_dropped_caption_is_the_cached_empty_one(rendered, cache, pipeline):
    data = ConPairDataModule(str(rendered), **SIZES, cache=str(cache))
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    module = ComposeModule(load_backbone(pipeline), caption_dropout=1.0)
    step = module.denoising_step(batch)
    expected = module.backbone.encode_text(module.backbone.tokenize(["", *batch.captions], [()] * 3, 1))
    torch.testing.assert_close(step.text.sequence[0], expected.sequence[0], rtol=0, atol=2e-3)
    torch.testing.assert_close(step.pooled, expected.pooled[1:], rtol=0, atol=2e-3)


def test_a_cached_latent_is_decoded_to_its_image(rendered, tmp_path):
    backbone = StableDiffusion(config=str(ASSETS))
    features = FeatureCache(write_cache(rendered, tmp_path / "cache", backbone, 64)).read(5)
    mean = torch.from_numpy(features[POSITIVE_MOMENTS].astype(np.float32)).chunk(2)[0]
    with torch.no_grad():
        decoded = backbone.vae.decode(mean[None]).sample[0].permute(1, 2, 0).numpy()
    image = decode_image(ShardSet(rendered).read(5).positive) / 127.5 - 1
    assert abs(decoded - image).mean() < 0.05
    other = decode_image(ShardSet(rendered).read(6).positive) / 127.5 - 1
    assert abs(decoded - other).mean() > 0.1
