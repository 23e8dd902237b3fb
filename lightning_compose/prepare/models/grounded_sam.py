"""Masks of phrases by a GroundingDINO, which finds boxes, and a SAM, which finds what is in them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL.Image import Image

from lightning_compose.arguments import require_at_least, require_share
from lightning_compose.prepare.models.grounding_dino import Boxes, GroundingDino
from lightning_compose.prepare.models.segmenter import Box, Found, Segmenter
from lightning_compose.prepare.models.weights_name import weights_name


class GroundedSam(Segmenter):
    """Detect each phrase, and cut out each of its boxes; by default the models and thresholds of TokenCompose.

    Args:
        detector: Folder or hub id of a GroundingDINO with its processor.
        segmenter: Folder or hub id of a SAM, or SAM-HQ, with its processor.
        device: Such as ``"cuda"``.
        batch_size: Images that are searched at once; they are cut one by one.
        box_threshold: See `GroundingDino`.
        text_threshold: See `GroundingDino`.
        name: For the rows and the dataset card; None = those of both weights.
    """

    def __init__(
        self,
        detector: str = "IDEA-Research/grounding-dino-tiny",
        segmenter: str = "syscv-community/sam-hq-vit-huge",
        device: str = "cpu",
        batch_size: int = 4,
        box_threshold: float = 0.25,
        text_threshold: float = 0.25,
        name: str | None = None,
    ) -> None:
        import torch
        from transformers import AutoModelForMaskGeneration, AutoProcessor

        require_at_least(1, batch_size=batch_size)
        require_share(box_threshold=box_threshold, text_threshold=text_threshold)
        self.name = name or f"{weights_name(detector, None)} + {weights_name(segmenter, None)}"
        self._detector = GroundingDino(detector, device, box_threshold, text_threshold)
        self._processor = AutoProcessor.from_pretrained(segmenter, backend="pil")
        model = AutoModelForMaskGeneration.from_pretrained(segmenter, dtype=torch.float32)
        self._model = model.eval().to(device)
        self._batch_size = batch_size

    def segment(self, images: Sequence[Image], phrases: Sequence[Sequence[str]]) -> list[tuple[Found | None, ...]]:
        """Return what is found of each phrase, for each image in turn."""
        asked = [index for index, named in enumerate(phrases) if named]
        found: list[tuple[Found | None, ...]] = [()] * len(images)
        for start in range(0, len(asked), self._batch_size):
            batch = asked[start : start + self._batch_size]
            detected = self._detector.detect([images[each] for each in batch], [phrases[each] for each in batch])
            for index, of_phrases in zip(batch, detected, strict=True):
                found[index] = self._cut(images[index], of_phrases)
        return found

    def _cut(self, image: Image, of_phrases: Sequence[Boxes]) -> tuple[Found | None, ...]:
        boxes = [box for each in of_phrases for box in each.boxes]
        if not boxes:
            return (None,) * len(of_phrases)
        # All boxes at once: what is slow is to look at the image.
        masks = self._masks(image, boxes)
        ends = np.cumsum([len(each.boxes) for each in of_phrases]).tolist()
        return tuple(
            Found.union(masks[end - len(each.boxes) : end], each.boxes, each.scores)
            for each, end in zip(of_phrases, ends, strict=True)
        )

    def _masks(self, image: Image, boxes: Sequence[Box]) -> np.ndarray:
        """Return what is in each box, bool [boxes, h, w]."""
        import torch

        inputs = self._processor(images=image, input_boxes=[[list(each) for each in boxes]], return_tensors="pt")
        sizes = inputs.pop("original_sizes"), inputs.pop("reshaped_input_sizes")
        with torch.inference_mode():
            seen = self._model(**inputs.to(self._model.device, torch.float32), multimask_output=False)
        (masks,) = self._processor.post_process_masks(seen.pred_masks.cpu(), *sizes)
        return masks[:, 0].numpy()
