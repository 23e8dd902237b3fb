"""Boxes of phrases in an image by a GroundingDINO (Liu et al., 2023).

Shapes: q = box, t = token.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL.Image import Image

from lightning_compose.prepare.models.segmenter import Box

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import BatchEncoding

# Between them GroundingDINO lets no phrase see another.
BETWEEN = ". "


@dataclass(frozen=True, slots=True)
class Boxes:
    """Where a phrase was detected; () = nowhere."""

    boxes: tuple[Box, ...] = ()
    scores: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class PhraseText:
    """Phrases as one text, and the characters of each in it."""

    text: str
    spans: tuple[tuple[int, int], ...]


def join(phrases: Sequence[str]) -> PhraseText:
    """Join phrases into the text that GroundingDINO was trained on.

    >>> join(["man", "woman"])
    PhraseText(text='man. woman.', spans=((0, 3), (5, 10)))
    """
    # What ends a phrase must not be within one.
    clean = [phrase.lower().replace(".", " ").replace("?", " ") for phrase in phrases]
    starts = [sum(len(each) + len(BETWEEN) for each in clean[:index]) for index in range(len(clean))]
    spans = tuple((start, start + len(each)) for start, each in zip(starts, clean, strict=True))
    return PhraseText(BETWEEN.join(clean) + BETWEEN.rstrip(), spans)


class GroundingDino:
    """Detect phrases.

    A box is a phrase's when one of the phrase's own tokens says so. transformers' own post-processing returns the
    words of such tokens instead, which would have to be found in the phrases again: "man" is in "woman" there.

    Args:
        pretrained: Folder or hub id of a model that transformers loads for zero-shot detection, with its processor.
        device: Such as ``"cuda"``.
        box_threshold: Least score that one token of the text must give a box, in [0, 1].
        text_threshold: Least score that one of the phrase's own tokens must give it, in [0, 1].
    """

    def __init__(self, pretrained: str, device: str, box_threshold: float, text_threshold: float) -> None:
        import torch
        from transformers import AutoModelForZeroShotObjectDetection, AutoProcessor

        # The processor on Pillow: the other one needs torchvision.
        self._processor = AutoProcessor.from_pretrained(pretrained, backend="pil")
        model = AutoModelForZeroShotObjectDetection.from_pretrained(pretrained, dtype=torch.float32)
        self._model = model.eval().to(device)
        self._box_threshold, self._text_threshold = box_threshold, text_threshold

    def detect(self, images: Sequence[Image], phrases: Sequence[Sequence[str]]) -> list[list[Boxes]]:
        """Return the boxes of each phrase, for each image in turn, all images at once.

        Args:
            images: RGB.
            phrases: Of each image, one at least; those beyond the text's length are not found.
        """
        import torch

        texts = [join(each) for each in phrases]
        tokens = self._tokens([each.text for each in texts])
        offsets = tokens.pop("offset_mapping")
        pixels = self._processor.image_processor(images=list(images), return_tensors="pt").to(self._model.device)
        with torch.inference_mode():
            found = self._model(**pixels, **tokens.to(self._model.device))
        # Beyond the tokens the scores are of nothing.
        scores = found.logits[..., : offsets.shape[1]].sigmoid().cpu()
        corners = [_corners(boxes, image) for boxes, image in zip(found.pred_boxes.cpu(), images, strict=True)]
        of_image = zip(scores, corners, offsets, texts, strict=True)
        return [
            [self._boxes(score_qt, box_q4, offset_t2, span) for span in text.spans]
            for score_qt, box_q4, offset_t2, text in of_image
        ]

    def _tokens(self, texts: list[str]) -> BatchEncoding:
        return self._processor.tokenizer(
            texts,
            padding=True,
            truncation=True,
            max_length=self._model.config.max_text_len,
            return_token_type_ids=True,
            return_offsets_mapping=True,
            return_tensors="pt",
        )

    def _boxes(self, score_qt: Tensor, box_q4: Tensor, offset_t2: Tensor, span: tuple[int, int]) -> Boxes:
        from lightning_compose.data.tokens import token_mask

        own_t = token_mask(offset_t2, [span])
        if not own_t.any():
            return Boxes()
        own_q = score_qt[:, own_t].amax(dim=1)
        kept_q = (score_qt.amax(dim=1) > self._box_threshold) & (own_q > self._text_threshold)
        return Boxes(tuple(tuple(each) for each in box_q4[kept_q].tolist()), tuple(own_q[kept_q].tolist()))


def _corners(box_q4: Tensor, image: Image) -> Tensor:
    """Return left, top, right and bottom in pixels of centres and sizes in shares of the image."""
    import torch

    center_q2, size_q2 = box_q4.chunk(2, dim=1)
    corners_q22 = torch.stack([center_q2 - size_q2 / 2, center_q2 + size_q2 / 2], dim=1).clamp(0, 1)
    return (corners_q22 * torch.tensor(image.size)).flatten(1)
