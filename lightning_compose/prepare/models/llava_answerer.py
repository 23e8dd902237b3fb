"""A vision-language model in this process, as judge: LLaVA-1.5, or a later one of transformers."""

from __future__ import annotations

from collections.abc import Sequence

from PIL.Image import Image

from lightning_compose.arguments import require_at_least
from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.weights_name import weights_name

REQUEST = "{question}\nAnswer the question using a single word or a number."
# LLaVA-1.5's own format; a later model's comes with its processor.
WITHOUT_TEMPLATE = "USER: <image>\n{request} ASSISTANT:"


class LlavaAnswerer(Answerer):
    """Have a vision-language model answer, greedily, so that the same image and question give the same answer.

    Args:
        pretrained: Folder or hub id of a model that transformers loads for images and text, with its processor.
        device: Such as ``"cuda"``.
        dtype: Of the weights, such as ``"bfloat16"``.
        batch_size: Questions that are answered at once.
        longest_answer_tokens: Where an answer is cut off.
        name: For the rows and the dataset card; None = the hub id, or the folder's name.
    """

    def __init__(
        self,
        pretrained: str = "llava-hf/llava-1.5-7b-hf",
        device: str = "cpu",
        dtype: str = "float32",
        batch_size: int = 8,
        longest_answer_tokens: int = 8,
        name: str | None = None,
    ) -> None:
        import torch
        from transformers import AutoModelForImageTextToText, AutoProcessor

        require_at_least(1, batch_size=batch_size, longest_answer_tokens=longest_answer_tokens)
        self.name = weights_name(pretrained, name)
        # The processor on Pillow: the other one needs torchvision. What is generated follows what is on the right.
        self._processor = AutoProcessor.from_pretrained(pretrained, backend="pil", padding_side="left")
        model = AutoModelForImageTextToText.from_pretrained(pretrained, dtype=getattr(torch, dtype))
        self._model = model.eval().to(device)
        self._batch_size = batch_size
        self._longest_answer_tokens = longest_answer_tokens

    def answer(
        self, images: Sequence[Image], questions: Sequence[Sequence[Question]], keys: Sequence[str]
    ) -> list[tuple[str, ...]]:
        """Return an answer a question, for each image in turn."""
        pairs = [(image, each.question) for image, asked in zip(images, questions, strict=True) for each in asked]
        starts = range(0, len(pairs), self._batch_size)
        batches = (self._answer(pairs[start : start + self._batch_size]) for start in starts)
        answers = (answer for batch in batches for answer in batch)
        return [tuple(next(answers) for _ in asked) for asked in questions]

    def _answer(self, pairs: Sequence[tuple[Image, str]]) -> list[str]:
        import torch

        inputs = self._processor(
            images=[image.convert("RGB") for image, _ in pairs],
            text=[self._prompt(question) for _, question in pairs],
            padding=True,
            return_tensors="pt",
        ).to(self._model.device, self._model.dtype)
        with torch.inference_mode():
            tokens = self._model.generate(**inputs, max_new_tokens=self._longest_answer_tokens, do_sample=False)
        new = tokens[:, inputs["input_ids"].shape[1] :]
        return [text.strip() for text in self._processor.batch_decode(new, skip_special_tokens=True)]

    def _prompt(self, question: str) -> str:
        request = REQUEST.format(question=question)
        if self._processor.chat_template is None:
            return WITHOUT_TEMPLATE.format(request=request)
        content = [{"type": "image"}, {"type": "text", "text": request}]
        return self._processor.apply_chat_template([{"role": "user", "content": content}], add_generation_prompt=True)
