"""A CLIP with random weights: two towers of one layer, for 16 px."""

from pathlib import Path

import torch
from tiny_models import byte_tokenizer
from transformers import CLIPConfig, CLIPModel


def tiny_clip() -> CLIPModel:
    """Its vocabulary is that of `byte_tokenizer`."""
    tokenizer = byte_tokenizer()
    layers = {"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    special = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id}
    text = {**layers, **special, "vocab_size": len(tokenizer), "pad_token_id": tokenizer.pad_token_id}
    vision = {**layers, "image_size": 16, "patch_size": 8}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return CLIPModel(config).eval()


def save_tiny_clip(folder: Path) -> Path:
    """Write it with its tokenizer."""
    tiny_clip().save_pretrained(folder)
    byte_tokenizer().save_pretrained(folder)
    return folder
