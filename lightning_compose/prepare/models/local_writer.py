"""A language model in this process, as writer of prompts."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

from lightning_compose.arguments import require_at_least
from lightning_compose.prepare.models.endpoint import CALLS, MALFORMED, RETRIED
from lightning_compose.prepare.models.language_model import Answer, LanguageModel
from lightning_compose.prepare.models.weights_name import weights_name
from lightning_compose.prepare.models.writer import Draft, Order, Writer
from lightning_compose.prepare.prompts.drafts import PromptDraft
from lightning_compose.prepare.prompts.messages import writing_messages

if TYPE_CHECKING:
    from torch import Generator

QUOTE = '"'
FIELDS = tuple(PromptDraft.model_fields)


class LocalWriter(Writer):
    """Have a language model fill in the form of its answer: the JSON is given, the texts in it are the model's.

    So a small model keeps the form, too; and the examples are the beginning of its own answer, which even the smallest
    go on with where they would not follow instructions. A text that does not end, or is none, is drawn anew; a draft
    that fails to the last is left out.

    `counts` has calls (a draft each), retried, malformed, prompt_tokens and completion_tokens.

    Args:
        pretrained: Folder or hub id of a model that transformers loads for text, with its tokenizer; or a ``.gguf``
            file, which needs the package gguf.
        device: Such as ``"cuda"``.
        dtype: Of the weights, such as ``"bfloat16"``.
        temperature: Of the draws, above 0.
        top_p: Draws are among the likeliest tokens that have this probability together, in (0, 1].
        retries: Attempts after the first, of each draft.
        longest_text_tokens: Where a prompt is given up.
        name: For the rows and the dataset card; None = the hub id, or the folder's name.
    """

    def __init__(
        self,
        pretrained: str,
        device: str = "cpu",
        dtype: str = "float32",
        temperature: float = 0.8,
        top_p: float = 0.95,
        retries: int = 5,
        longest_text_tokens: int = 80,
        name: str | None = None,
    ) -> None:
        require_at_least(0, retries=retries)
        require_at_least(1, longest_text_tokens=longest_text_tokens)
        self.name = weights_name(pretrained, name)
        self.counts: Counter[str] = Counter()
        self._language = LanguageModel(pretrained, device, dtype, temperature, top_p)
        self._retries = retries
        self._longest_text_tokens = longest_text_tokens
        self._lock = Lock()

    def write(self, order: Order) -> list[Draft]:
        """Return drafts, each written with those before it in sight; fewer where the model fails."""
        import torch

        # One at a time: the model computes one after the other in any case.
        with self._lock:
            generator = torch.Generator().manual_seed(order.seed)
            answer = self._begin(order)
            self.counts["prompt_tokens"] += len(answer)
            found = (self._draft(answer, generator) for _ in range(order.count))
            return [Draft(each.prompt, each.negative_prompt) for each in found if each is not None]

    def _begin(self, order: Order) -> Answer:
        rules, _, examples, request = writing_messages(order)
        answer = self._language.answer([rules, request])
        answer.write(examples["content"].removesuffix("]}") + ",")
        return answer

    def _draft(self, answer: Answer, generator: Generator) -> PromptDraft | None:
        start = len(answer)
        for attempt in range(self._retries + 1):
            self.counts.update({CALLS: 1, RETRIED: int(attempt > 0)})
            draft = self._attempt(answer, generator)
            if draft is not None:
                self.counts["completion_tokens"] += len(answer) - start
                answer.write(",")
                return draft
            self.counts[MALFORMED] += 1
            answer.back_to(start)
        return None

    def _attempt(self, answer: Answer, generator: Generator) -> PromptDraft | None:
        texts: dict[str, str] = {}
        for field in FIELDS:
            answer.write(f'{"," if texts else "{"}"{field}":"')
            text = answer.draw(generator, QUOTE, self._longest_text_tokens)
            if text is None or not text.strip() or "\\" in text:
                return None
            texts[field] = " ".join(text.split())
            answer.write(f"{texts[field]}{QUOTE}")
        answer.write("}")
        return PromptDraft.model_validate(texts)
