"""Lines of words, each word in its colour: what Pillow's text drawing leaves to its user."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PIL import ImageDraw, ImageFont

from lightning_compose.data.font import load_font
from lightning_compose.data.overlay import Color

BLACK: Color = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its colour. `tail` follows without a space in black, such as a comma."""

    text: str
    color: Color = BLACK
    tail: str = ""


@dataclass(frozen=True)
class Paragraph:
    """Words broken into lines of a width.

    Args:
        lines: The words of each line.
        font: What they are drawn with.
        line_height_px: Distance from line to line.
    """

    lines: tuple[tuple[Word, ...], ...]
    font: ImageFont.FreeTypeFont
    line_height_px: int

    @property
    def height_px(self) -> int:
        """Height of all lines."""
        return self.line_height_px * len(self.lines)

    def draw(self, canvas: ImageDraw.ImageDraw, x: int, y: int) -> None:
        """Draw with the upper left corner at (x, y)."""
        for line in self.lines:
            place = float(x)
            for word in line:
                canvas.text((place, y), word.text, fill=word.color, font=self.font)
                place += self.font.getlength(word.text)
                canvas.text((place, y), word.tail, fill=BLACK, font=self.font)
                place += self.font.getlength(f"{word.tail} ")
            y += self.line_height_px


def paragraph(words: Iterable[Word], width_px: int, size_px: int = 14) -> Paragraph:
    """Break words into lines.

    Args:
        words: Without spaces; one longer than a line gets its own.
        width_px: Width of the lines.
        size_px: Size of the font.
    """
    font = load_font(size_px)
    lines: list[list[Word]] = []
    free = 0.0
    for word in words:
        length = font.getlength(f"{word.text}{word.tail} ")
        if not lines or length > free:
            lines.append([])
            free = float(width_px)
        lines[-1].append(word)
        free -= length
    return Paragraph(tuple(map(tuple, lines)), font, round(1.35 * size_px))
