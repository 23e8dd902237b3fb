"""An untrusted shard or checkpoint runs no code, writes nothing outside, and does not exhaust memory (C20)."""

import os
import pickle
import shutil
from pathlib import Path

import pytest
import torch

from lightning_compose.backbones import StableDiffusion
from lightning_compose.checkpoint_io import StagedCheckpointIO
from tests.data.fuzz.campaign import IN_TURN, Campaign

ATTACKS = {
    "runs code": ["pickle_member", "pickle_named_image", "pickle_as_json", "pickled_table", "eps_named_jpg"],
    "writes outside": ["odd_name", "forged_key", "foreign_path", "link_or_device", "forged_extended_header"],
    "exhausts memory": ["sparse_member", "forged_size", "long_extended_header", "gzip_member", "over_the_cap", "wide",
                        "huge_mask", "png_bomb", "png_text_bomb", "webp_that_declares_much", "jpeg_that_declares_much",
                        "forged_number", "odd_table_header"],
}  # fmt: skip


@pytest.fixture(scope="module")
def campaign() -> Campaign:
    return Campaign(seed=1)


@pytest.mark.parametrize("name", [name for names in ATTACKS.values() for name in names])
def test_a_shard_does_no_harm(campaign, name):
    first = [mutation.__name__ for _, mutation in IN_TURN].index(name)
    findings = [finding for number in (first, first + len(IN_TURN)) for finding in campaign.findings(number)]
    assert not [(each.way, each.outcome) for each in findings if each.failed]


class Touch:
    """Leaves a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mknod, (str(self.path),)


def as_checkpoint(folder, content, tiny_pipeline):
    torch.save({"state_dict": {}, "loops": content}, folder / "a.ckpt")
    return lambda: StagedCheckpointIO().load_checkpoint(folder / "a.ckpt", weights_only=False)


def as_plain_pickle(folder, content, tiny_pipeline):
    (folder / "a.ckpt").write_bytes(pickle.dumps(content))
    return lambda: StagedCheckpointIO().load_checkpoint(folder / "a.ckpt")


def as_weights_of_a_model(folder, content, tiny_pipeline):
    model = shutil.copytree(tiny_pipeline, folder / "model")
    (model / "unet/diffusion_pytorch_model.safetensors").unlink()
    torch.save({"conv_in.weight": content}, model / "unet/diffusion_pytorch_model.bin")
    return lambda: StableDiffusion(pretrained=str(model))


@pytest.mark.parametrize("pack", [as_checkpoint, as_plain_pickle, as_weights_of_a_model])
def test_a_checkpoint_runs_no_code(tmp_path, tiny_pipeline, pack):
    load = pack(tmp_path, Touch(tmp_path / "canary"), tiny_pipeline)
    with pytest.raises((pickle.UnpicklingError, OSError, ValueError)):
        load()
    assert not (tmp_path / "canary").exists()


def test_the_canary_would_be_seen(tmp_path):
    torch.save(Touch(tmp_path / "canary"), tmp_path / "a.ckpt")
    torch.load(tmp_path / "a.ckpt", weights_only=False)
    assert (tmp_path / "canary").exists()
