"""CLIPScore against its formula, by the model's own embeddings and by hand."""

import pytest
import torch
from tiny_clip import tiny_clip

from lightning_compose.metrics.clip_score import CLIPScore, clip_scores


@pytest.mark.parametrize("sign", [1, -1])
def test_it_is_the_cosine_of_the_models_own_embeddings(sign):
    model = tiny_clip()
    with torch.no_grad():
        model.text_projection.weight *= sign
    rng = torch.Generator().manual_seed(0)
    pixels = torch.randn(4, 3, 16, 16, generator=rng)
    tokens = torch.tensor([[1, 5, 6, 2], [1, 7, 8, 2], [1, 9, 4, 2], [1, 3, 3, 2]])
    with torch.no_grad():
        # On the diagonal: each prompt beside its own image.
        logits = model(input_ids=tokens, pixel_values=pixels).logits_per_text.diagonal() / model.logit_scale.exp()
        scores = clip_scores(model, pixels, tokens)
    assert (sign * logits < 0).all()
    torch.testing.assert_close(scores, 100 * logits.clamp(min=0))


def test_the_mean_is_over_images_not_over_updates():
    metric = CLIPScore()
    metric.update(torch.tensor([10.0, 20.0, 30.0]))
    metric.update(torch.tensor([60.0]))
    assert float(metric.compute()) == pytest.approx(30.0)


def test_without_images_it_is_not_a_number():
    assert CLIPScore().compute().isnan()


def test_processes_sum_up_what_they_took_in():
    metric = CLIPScore()
    metric.update(torch.tensor([10.0, 20.0, 30.0]))
    both = {"total": torch.tensor([60.0, 60.0]), "images": torch.tensor([3, 1])}
    for name, of_ranks in both.items():
        setattr(metric, name, metric._reductions[name](of_ranks))
    assert float(metric.compute()) == pytest.approx(30.0)
