"""Answers by a LLaVA: a tiny one with random weights, whose words are letters."""

import pytest
import torch
from PIL import Image
from tiny_models import byte_tokenizer
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.llava_answerer import LlavaAnswerer

QUESTIONS = tuple(Question(index, text, "yes", "entity", ("ring",)) for index, text in enumerate(["A ring?", "A hat?"]))
IMAGES = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
TEMPLATE = (
    "{% for part in messages[0].content %}{{ '<image>' if part.type == 'image' else part.text }}{% endfor %} Answer:"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llava")
    tokenizer = byte_tokenizer(model_max_length=512)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<image>"], "pad_token": "<|endoftext|>"})
    layers = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**{**layers, "num_hidden_layers": 2}, image_size=16, patch_size=8),
        text_config=LlamaConfig(**layers, vocab_size=len(tokenizer), pad_token_id=tokenizer.pad_token_id),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlavaForConditionalGeneration(config).save_pretrained(folder)
    size = {"size": {"shortest_edge": 16}, "crop_size": {"height": 16, "width": 16}}
    processor = LlavaProcessor(
        CLIPImageProcessorPil(**size),
        tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
    )
    processor.save_pretrained(folder)
    return folder


def test_every_question_of_every_image_is_answered(folder):
    answerer = LlavaAnswerer(str(folder), batch_size=2, longest_answer_tokens=3)
    answers = answerer.answer(IMAGES, [QUESTIONS, QUESTIONS[:1]], ["a", "b"])
    assert [len(each) for each in answers] == [2, 1]
    assert all(isinstance(each, str) and "USER" not in each and "ring" not in each for row in answers for each in row)
    alone = LlavaAnswerer(str(folder), batch_size=1, longest_answer_tokens=3)
    assert alone.answer(IMAGES, [QUESTIONS, QUESTIONS[:1]], ["a", "b"]) == answers


def test_the_question_is_put_in_the_models_own_form(folder):
    answerer = LlavaAnswerer(str(folder))
    request = "A ring?\nAnswer the question using a single word or a number."
    assert answerer._prompt("A ring?") == f"USER: <image>\n{request} ASSISTANT:"
    answerer._processor.chat_template = TEMPLATE
    assert answerer._prompt("A ring?") == f"<image>{request} Answer:"


def test_its_name_is_that_of_the_weights_or_one_of_its_own(folder):
    assert LlavaAnswerer(str(folder)).name == folder.name
    assert LlavaAnswerer(str(folder), name="mine").name == "mine"
