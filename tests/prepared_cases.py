"""Tiny models for the steps of `prepare` that judge: images are plain colours, and the models read them."""

import numpy as np
from PIL import Image

from lightning_compose.data.schema import Question
from lightning_compose.prepare.models.answerer import Answerer
from lightning_compose.prepare.models.captioner import Captioner
from lightning_compose.prepare.models.editor import Editor
from lightning_compose.prepare.models.embedder import Embedder
from lightning_compose.prepare.models.painter import Painter
from lightning_compose.prepare.models.questioner import Questioner
from lightning_compose.prepare.models.scorer import Scorer

COLORS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "black": (0, 0, 0)}


def plain(color, brightness=0):
    """An image of a ring of some colour; `brightness` is what the score goes by."""
    image = Image.new("RGB", (4, 4), COLORS[color])
    image.putpixel((0, 0), (brightness,) * 3)
    return image


def seen(image):
    return next((name for name, rgb in COLORS.items() if rgb == image.getpixel((3, 3))), "")


def questions_of(caption):
    """Of "A red ring": is there a ring, is it red. A black image has no ring."""
    color = caption.split()[1]
    entity = Question(0, "Is there a ring?", "yes", "entity", ("ring",))
    return (entity, Question(1, f"Is the ring {color}?", "yes", "attribute", ("ring", color), (0,)))


class ColorAnswerer(Answerer):
    name = "eye"

    def answer(self, images, questions, keys):
        return [
            tuple(self._answer(seen(image), each) for each in about)
            for image, about in zip(images, questions, strict=True)
        ]

    def _answer(self, color, question):
        right = color != "black" if question.kind == "entity" else color == question.arguments[-1]
        return "Yes." if right else "No."


class BrightnessScorer(Scorer):
    name = "brightness"

    def score(self, images, texts):
        return [float(image.getpixel((0, 0))[0]) for image in images]


class RingQuestioner(Questioner):
    name = "ring-questioner"

    def ask(self, prompts):
        return [() if "nonsense" in each else questions_of(each) for each in prompts]


class ColorCaptioner(Captioner):
    """Names the colour that it sees."""

    name = "namer"

    def __init__(self, form="A {} ring"):
        self.form = form
        self.wrong = []

    def correct(self, images, captions, wrong):
        self.wrong += [[each.id for each in asked] for asked in wrong]
        return [self.form.format(seen(image)) for image in images]


class SeedPainter(Painter):
    """Draws a colour by the seed and its brightness too: one of three violates "A red ring" not at all."""

    name = "seeds"

    def paint(self, prompts, seeds):
        return [plain(("red", "green", "blue")[seed % 3], seed % 256) for seed in seeds]


class BlueEditor(Editor):
    name = "blue"

    def __init__(self):
        self.instructions = []

    def edit(self, images, instructions, seeds):
        self.instructions += instructions
        return [plain("blue", seed % 256) for seed in seeds]


class PixelEmbedder(Embedder):
    name = "pixels"

    def embed(self, images):
        vectors = np.stack([np.asarray(each, dtype=np.float32).ravel() + 1 for each in images])
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
