"""What is known of who is what: chosen pairs, a row by hand, and the base on two pairs."""

from dataclasses import replace

import pytest
import torch

from benchmarks import binding
from lightning_compose.data.shards import ShardSet
from lightning_compose.documentation import read_csv


@pytest.fixture(scope="module")
def samples():
    shards = ShardSet(binding.PAIRS)
    return [shards.read(row) for row in range(300, len(shards))]


@pytest.fixture(scope="module")
def denoiser():
    return binding.Denoiser(binding.BASE, draws=1)


def test_pairs_have_the_same_words_in_another_order(samples):
    pairs = list(binding.exchanged(samples, "color"))
    assert len(pairs) > 10
    for each in pairs:
        caption, negative = each.annotation.caption.lower(), each.annotation.negative_caption.lower()
        assert caption != negative
        assert sorted(caption.split()) == sorted(negative.split())
    recolored = [
        replace(each, annotation=replace(each.annotation, negative_caption="a red heart and a red ring"))
        for each in pairs
    ]
    assert not list(binding.exchanged(recolored, "color"))


def test_a_row_by_hand():
    right, wrong = torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.3, 0.4, 0.5, 0.2])
    assert binding.row(50, right, wrong) == ("50", "0.2500", "+0.10000", "0.10000", "75%")


def test_the_table_is_printed_and_kept(tmp_path, monkeypatch, capsys):
    rows = [("50", "0.2500", "+0.10000", "0.10000", "75%")]
    monkeypatch.setattr(binding, "measure", lambda pairs, denoiser: rows)
    monkeypatch.setattr(binding, "Denoiser", str)
    binding.main(["--csv", str(tmp_path / "binding.csv"), "--pairs", "1"])
    assert "| 50 | 0.2500 | +0.10000 | 0.10000 | 75% |" in capsys.readouterr().out
    assert [tuple(each.values()) for each in read_csv(tmp_path / "binding.csv")] == rows


def test_the_same_caption_gains_nothing_and_another_image_s_loses(samples, denoiser):
    pairs = samples[:4]
    latents = denoiser.latents(
        torch.stack([torch.from_numpy(binding.decode_image(each.positive)) for each in pairs]).permute(0, 3, 1, 2)
    )
    right = denoiser.text([each.annotation.caption for each in pairs])
    own, again, others = denoiser.losses(latents, [right, right, right.flip(0)], 700)
    assert torch.equal(own, again)
    assert own.mean() < others.mean()
