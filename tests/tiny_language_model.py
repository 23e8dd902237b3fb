"""A causal language model of random weights whose tokens are bytes."""

from pathlib import Path

import torch
from tiny_models import byte_tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

TEMPLATE = "{% for each in messages %}<{{ each.role }}>{{ each.content }}{% endfor %}<assistant>"


def save_tiny_language_model(folder: Path, template: str | None = TEMPLATE) -> Path:
    tokenizer = byte_tokenizer(model_max_length=8192)
    tokenizer.chat_template = template
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=8192,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
