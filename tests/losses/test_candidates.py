"""In-batch negatives and resume: the number of pairs that a caption is compared with does not change."""

import pytest
from recorder import quiet_trainer

from lightning_compose.backbones import StableDiffusion
from lightning_compose.data.datamodule import ConPairDataModule
from lightning_compose.data.shards import ShardWriter
from lightning_compose.losses import ContrastiveLoss
from lightning_compose.module import ComposeModule
from lightning_compose.shapes.generate import generate


@pytest.fixture
def fit(tmp_path, tiny_pipeline):
    with ShardWriter(tmp_path / "set") as writer:
        for sample in generate(0, "train", range(8), 16):
            writer.write(sample)

    def run(*losses, steps, micro_batch_size, ckpt_path=None):
        module = ComposeModule(StableDiffusion(pretrained=str(tiny_pipeline)))
        sizes = {"size_px": 16, "global_batch_size": 4, "num_workers": 0, "val_fraction": 0.0}
        trainer = quiet_trainer(max_steps=steps, callbacks=list(losses))
        data = ConPairDataModule(str(tmp_path / "set"), micro_batch_size=micro_batch_size, **sizes)
        trainer.fit(module, data, ckpt_path=ckpt_path, weights_only=True)
        trainer.save_checkpoint(tmp_path / "c.ckpt")
        return tmp_path / "c.ckpt"

    return run


def test_a_resume_with_other_candidates_is_refused(fit):
    path = fit(ContrastiveLoss(in_batch_negatives=True), steps=1, micro_batch_size=2)
    fit(ContrastiveLoss(in_batch_negatives=True), steps=2, micro_batch_size=2, ckpt_path=path)
    message = r"'contrastive_loss' to compare with 2 pairs, ranks x `data.micro_batch_size` .*, got 4"
    with pytest.raises(ValueError, match=message):
        fit(ContrastiveLoss(in_batch_negatives=True), steps=3, micro_batch_size=4, ckpt_path=path)


def test_pairs_on_their_own_do_not_care(fit):
    two = ContrastiveLoss(), ContrastiveLoss()
    two[1].name = "second"
    path = fit(*two, steps=1, micro_batch_size=2)
    two = ContrastiveLoss(), ContrastiveLoss()
    two[1].name = "second"
    fit(*two, steps=2, micro_batch_size=4, ckpt_path=path)
