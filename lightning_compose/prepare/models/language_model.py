"""A causal language model in this process: conversations whose answer is partly given, partly drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightning_compose.arguments import require_at_least

if TYPE_CHECKING:
    from torch import Generator, Tensor


class LanguageModel:
    """Holds model and tokenizer.

    Args:
        pretrained: Folder or hub id of a model that transformers loads for text, with its tokenizer; or a ``.gguf``
            file, which needs the package gguf.
        device: Such as ``"cuda"``.
        dtype: Of the weights, such as ``"bfloat16"``.
        temperature: Of the draws, above 0.
        top_p: Draws are among the likeliest tokens that have this probability together, in (0, 1].

    Raises:
        ValueError: When a number is out of its range.
    """

    def __init__(self, pretrained: str, device: str, dtype: str, temperature: float, top_p: float) -> None:
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        if not temperature > 0 or not 0 < top_p <= 1:
            raise ValueError(
                f"Expected `temperature` above 0 and `top_p` in (0, 1], got {temperature} and {top_p}. Set them so."
            )
        where = _where(pretrained)
        self.tokenizer = AutoTokenizer.from_pretrained(**where)
        model = AutoModelForCausalLM.from_pretrained(**where, dtype=getattr(torch, dtype))
        self.model = model.eval().requires_grad_(False).to(device)
        self._temperature = temperature
        self._top_p = top_p

    def answer(self, messages: Sequence[Mapping[str, str]]) -> Answer:
        """Begin the answer to a conversation."""
        if self.tokenizer.chat_template is None:
            text = "".join(f"{each['role']}: {each['content']}\n\n" for each in messages) + "assistant: "
        else:
            conversation = [dict(each) for each in messages]
            text = str(self.tokenizer.apply_chat_template(conversation, add_generation_prompt=True, tokenize=False))
        return Answer(self, text)

    def draw(self, logits: Tensor, generator: Generator) -> int:
        """Return a token.

        Args:
            logits: Of the next token, [vocabulary].
            generator: Of the CPU, so that a seed means the same on every device.
        """
        import torch

        chances, tokens = (logits.float().cpu() / self._temperature).softmax(-1).sort(descending=True)
        chances[chances.cumsum(-1) - chances >= self._top_p] = 0
        return int(tokens[torch.multinomial(chances, 1, generator=generator)])


class Answer:
    """An answer as it grows, and what the model computed of the conversation so far.

    Args:
        language: Who answers.
        text: The conversation, in the model's own form.
    """

    def __init__(self, language: LanguageModel, text: str) -> None:
        from transformers import DynamicCache

        self._language = language
        self._cache = DynamicCache()
        self._tokens: list[int] = []
        self.write(text)

    def __len__(self) -> int:
        """Return how many tokens there are, those of the conversation too."""
        return len(self._tokens)

    def write(self, text: str) -> None:
        """Go on with a text that is given."""
        self._tokens += self._language.tokenizer(text, add_special_tokens=False).input_ids

    def back_to(self, length: int) -> None:
        """Forget all tokens after the first so many."""
        del self._tokens[length:]
        # The last token is computed anew, so that the model always has one to go on from.
        surplus = self._cache.get_seq_length() - (length - 1)
        if surplus > 0:
            self._cache.crop(-surplus)

    def draw(self, generator: Generator, end: str, most_tokens: int) -> str | None:
        """Have the model go on until it writes `end`, and return what is before that; None = it did not.

        What it drew is forgotten: `write` as much of it as is kept.

        Args:
            generator: Of the draws, on the CPU.
            end: A text.
            most_tokens: Where it is stopped.
        """
        require_at_least(1, most_tokens=most_tokens)
        start = len(self)
        text = ""
        for _ in range(most_tokens):
            self._tokens.append(self._language.draw(self._next(), generator))
            text = str(self._language.tokenizer.decode(self._tokens[start:], skip_special_tokens=True))
            if end in text or self._tokens[-1] == self._language.tokenizer.eos_token_id:
                break
        self.back_to(start)
        before, found, _ = text.partition(end)
        return before if found else None

    def _next(self) -> Tensor:
        import torch

        model = self._language.model
        new = torch.tensor([self._tokens[self._cache.get_seq_length() :]], device=model.device)
        with torch.inference_mode():
            return model(input_ids=new, past_key_values=self._cache, use_cache=True, logits_to_keep=1).logits[0, -1]


def _where(pretrained: str) -> dict[str, Any]:
    if not pretrained.endswith(".gguf"):
        return {"pretrained_model_name_or_path": pretrained}
    file = Path(pretrained)
    return {"pretrained_model_name_or_path": str(file.parent), "gguf_file": file.name}
