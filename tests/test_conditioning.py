"""Captions dropped whole and by each text encoder, as the module draws them."""

import pytest
import torch
from batches import pair_batch

from lightning_compose.backbones import StableDiffusion3
from lightning_compose.module import ComposeModule


@pytest.fixture
def make_step(tiny_sd3_pipeline):
    def step(count=1, stream="train", caption_dropout=0.0, **backbone):
        module = ComposeModule(StableDiffusion3(str(tiny_sd3_pipeline), **backbone), caption_dropout=caption_dropout)
        return module.backbone, module.denoising_step(pair_batch(list(range(count))), stream)

    return step


def encoded(backbone, *captions):
    return backbone.encode_text(backbone.tokenize(captions, [()] * len(captions), 1))


def test_encoders_drop_captions_by_themselves_at_their_rate(make_step):
    backbone, step = make_step(200, encoder_dropout=0.464)
    empty = encoded(backbone, "").sequence[0]
    kept = {
        name: (step.text.sequence - empty)[:, part.tokens, part.width].abs().flatten(1).amax(1) > 1e-4
        for name, part in backbone.text_encoders.items()
    }
    for each in kept.values():
        assert each.float().mean().item() == pytest.approx(0.536, abs=0.1)
    assert (~torch.stack(list(kept.values()))).all(0).float().mean().item() == pytest.approx(0.1, abs=0.06)
    supervised = kept["clip_l"] | kept["clip_g"]
    assert torch.equal(step.tokens.nouns.flatten(1).any(1), supervised)
    assert torch.equal(step.dropped, ~supervised)
    assert step.unsupervised_nouns == 0, "what was dropped is no fault of the data"


@pytest.mark.parametrize("supervise", ["t5", "both"])
def test_nouns_go_with_the_encoder_that_is_supervised(make_step, supervise):
    backbone, step = make_step(100, encoder_dropout=0.5, supervise=supervise)
    empty = encoded(backbone, "").sequence[0]
    t5 = (step.text.sequence - empty)[:, backbone.text_encoders["t5"].tokens].abs().flatten(1).amax(1) > 1e-4
    on_t5 = step.tokens.nouns[:, :, 77:].flatten(1).any(1)
    assert torch.equal(on_t5, t5)
    assert step.tokens.nouns[:, :, :77].any() == (supervise == "both")


def test_the_whole_caption_is_dropped_the_same_with_and_without_dropout_of_encoders(make_step):
    plain, both = (make_step(50, caption_dropout=0.5, encoder_dropout=share)[1] for share in (0.0, 0.4))
    assert plain.dropped.any()
    assert (both.dropped | ~plain.dropped).all()
    assert torch.equal(plain.timesteps, both.timesteps)
    assert torch.equal(plain.pooled, both.pooled), "for the contrastive loss nothing is dropped"


def test_no_encoder_drops_in_validation(make_step):
    backbone, step = make_step(20, "val", encoder_dropout=0.9)
    assert not step.dropped.any()
    expected = encoded(backbone, *step.batch.captions)
    torch.testing.assert_close(step.text.sequence, expected.sequence)
    torch.testing.assert_close(step.text.pooled, expected.pooled)
