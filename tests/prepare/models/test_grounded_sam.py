"""Masks by GroundingDINO and SAM: tiny ones with random weights, on Pillow alone."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image
from transformers import (
    BertConfig,
    BertTokenizer,
    GroundingDinoConfig,
    GroundingDinoForObjectDetection,
    GroundingDinoImageProcessorPil,
    GroundingDinoProcessor,
    SamConfig,
    SamHQConfig,
    SamHQModel,
    SamHQProcessor,
    SamImageProcessorPil,
    SamModel,
    SamProcessor,
    SwinConfig,
)

from lightning_compose.prepare.models.grounded_sam import GroundedSam
from lightning_compose.prepare.models.grounding_dino import GroundingDino, join

WORDS = ["man", "wo", "##man", "dog", "hot"]
IMAGES = [Image.new("RGB", (60, 40), "red"), Image.new("RGB", (30, 50), "blue")]


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dino")
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", ".", "?", *WORDS]))
    tokenizer = BertTokenizer(str(folder / "vocab.txt"))
    bert = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    swin = {"embed_dim": 8, "depths": [1, 1, 1, 1], "num_heads": [1, 1, 2, 2], "window_size": 2, "image_size": 32}
    layers = {"encoder_layers": 1, "decoder_layers": 2, "encoder_attention_heads": 2, "decoder_attention_heads": 2}
    config = GroundingDinoConfig(
        backbone_config=SwinConfig(**swin, out_features=["stage2", "stage3", "stage4"]),
        text_config=BertConfig(**bert, vocab_size=len(tokenizer)),
        d_model=32,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        num_queries=6,
        max_text_len=24,
        **layers,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        GroundingDinoForObjectDetection(config).save_pretrained(folder)
    images = GroundingDinoImageProcessorPil(size={"shortest_edge": 96, "longest_edge": 144})
    GroundingDinoProcessor(images, tokenizer).save_pretrained(folder)
    return str(folder)


def save_sam(folder, config, model, processor):
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "mlp_dim": 16}
    vision = {**layers, "hidden_size": 16, "output_channels": 8, "image_size": 32, "patch_size": 8}
    vision |= {"window_size": 2, "global_attn_indexes": [0], "num_pos_feats": 4}
    decoder = {**layers, "hidden_size": 8, "iou_head_hidden_dim": 8}
    decoder |= {"vit_dim": 16} if config is SamHQConfig else {}
    prompts = {"hidden_size": 8, "image_size": 32, "patch_size": 8, "mask_input_channels": 4}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        made = model(config(vision_config=vision, prompt_encoder_config=prompts, mask_decoder_config=decoder))
        made.save_pretrained(folder)
    size = {"size": {"longest_edge": 32}, "pad_size": {"height": 32, "width": 32}}
    sizes = {"mask_size": {"longest_edge": 8}, "mask_pad_size": {"height": 8, "width": 8}}
    processor(SamImageProcessorPil(**size, **sizes)).save_pretrained(folder)
    return str(folder)


@pytest.fixture(scope="module")
def sam(tmp_path_factory):
    return save_sam(tmp_path_factory.mktemp("sam"), SamConfig, SamModel, SamProcessor)


def test_each_phrase_has_a_mask_of_its_images_size_or_none(detector, sam):
    segmenter = GroundedSam(detector, sam, batch_size=1, box_threshold=0.0, text_threshold=0.0)
    found = segmenter.segment([IMAGES[0], *IMAGES], [["man", "dog"], [], ["woman"]])
    assert [len(each) for each in found] == [2, 0, 1]
    for image, each in [(IMAGES[0], found[0][0]), (IMAGES[0], found[0][1]), (IMAGES[1], found[2][0])]:
        assert (each.mask.shape, each.mask.dtype) == ((image.height, image.width), np.bool_)
        assert len(each.boxes) == len(each.scores) == 6
        assert all(0 <= left <= right <= image.width for left, _, right, _ in each.boxes)
        assert all(0 <= top <= bottom <= image.height for _, top, _, bottom in each.boxes)
    surest = GroundedSam(detector, sam, box_threshold=1.0).segment(IMAGES[:1], [["man", "dog"]])
    assert surest == [(None, None)]
    assert "torchvision" not in sys.modules


def test_the_mask_of_a_phrase_is_that_of_all_its_boxes(detector, sam):
    segmenter = GroundedSam(detector, sam, box_threshold=0.0, text_threshold=0.0)
    ((found,),) = segmenter.segment(IMAGES[:1], [["dog"]])
    alone = [segmenter._masks(IMAGES[0], [box])[0] for box in found.boxes]
    np.testing.assert_array_equal(found.mask, np.any(alone, axis=0))


def test_a_sam_of_high_quality_will_do(detector, tmp_path):
    folder = save_sam(tmp_path / "hq", SamHQConfig, SamHQModel, SamHQProcessor)
    segmenter = GroundedSam(detector, folder, box_threshold=0.0, text_threshold=0.0, name="tiny")
    ((found,),) = segmenter.segment(IMAGES[:1], [["dog"]])
    assert found.mask.shape == (40, 60)
    assert segmenter.name == "tiny"


def scored(detector, phrases, tokens, **thresholds):
    """Boxes of the phrases, where the model gives the named tokens of the text these probabilities."""
    found = GroundingDino(detector, "cpu", **{"box_threshold": 0.25, "text_threshold": 0.25, **thresholds})
    offsets = found._tokens([join(phrases).text])["offset_mapping"][0]
    score = torch.full((1, len(offsets)), 0.01)
    for token, value in tokens.items():
        score[0, token] = value
    boxes = (found._boxes(score, torch.tensor([[0.0, 1.0, 2.0, 3.0]]), offsets, span) for span in join(phrases).spans)
    return [each.scores for each in boxes]


# [CLS] man . wo ##man . [SEP]
@pytest.mark.parametrize(
    ("tokens", "expected"), [({1: 0.5}, [0.5, None]), ({4: 0.5}, [None, 0.5]), ({2: 0.5}, [None] * 2)]
)
def test_a_box_of_a_woman_is_no_mans(detector, tokens, expected):
    scores = scored(detector, ["man", "woman"], tokens)
    assert scores == [() if each is None else (each,) for each in expected]


def test_thresholds_are_of_the_box_and_of_the_phrase(detector):
    assert scored(detector, ["man", "dog"], {1: 0.5, 3: 0.25}, text_threshold=0.2) == [(0.5,), (0.25,)]
    assert scored(detector, ["man", "dog"], {1: 0.5, 3: 0.25}, box_threshold=0.6) == [(), ()]


def test_what_the_text_has_no_room_for_is_not_found(detector):
    phrases = ["man"] * 11 + ["dog"]
    ((*_, last),) = GroundingDino(detector, "cpu", 0.0, 0.0).detect(IMAGES[:1], [phrases])
    assert last.boxes == ()


def test_a_phrase_holds_no_end_of_one():
    assert join(["St. Bernard?", "Dog"]).text == "st  bernard . dog."


def test_a_threshold_is_a_share():
    with pytest.raises(ValueError, match="`box_threshold` to be a share"):
        GroundedSam(box_threshold=25)
