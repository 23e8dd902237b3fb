"""One HTML file with all of its pictures in it."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from html import escape

from matplotlib.figure import Figure
from PIL import Image

THUMBNAIL_PX = 192
QUALITY = 85
STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1250px; margin: 2em auto; padding: 0 1em; color: #222 }
table { border-collapse: collapse; margin: 1em 0 }
th, td { padding: .2em .9em .2em 0; border-bottom: 1px solid #ddd; text-align: left; vertical-align: top }
td.bars { width: 24em }
.bar { background: #4878a8; height: 1.1em }
.examples { display: flex; flex-wrap: wrap; gap: 1.5em }
.example { width: 290px }
.example p { margin: .3em 0 }
.pictures { display: flex; gap: .5em }
figure { margin: 0 } figcaption { font-size: 12px; color: #666 }
figure img { width: 140px; image-rendering: pixelated }
ul { padding-left: 1.2em; margin: .3em 0 }
.wrong { color: #c00; font-weight: 600 } .unasked { color: #999 } .missing { color: #c00 }
img.wide { max-width: 100% }
"""


def page(title: str, sections: Sequence[str]) -> str:
    """Return a whole page.

    Args:
        title: Plain text.
        sections: HTML, as of the other functions here: they escape texts that are given to them as plain.
    """
    body = "\n".join([f"<h1>{escape(title)}</h1>", *sections])
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def section(title: str, *parts: str) -> str:
    """Return HTML under a heading of plain text."""
    return "\n".join([f"<h2>{escape(title)}</h2>", *parts])


def paragraph(text: str, kind: str = "") -> str:
    """Return plain text as a paragraph of a CSS class."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return plain cells as a table, the first row its header."""
    header, *others = rows
    return _table(header, ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in others])


def bar_table(header: Sequence[str], rows: Sequence[tuple[Sequence[str], float]]) -> str:
    """Return plain cells as a table with a bar at the end of each row.

    Args:
        header: Without the bars' column.
        rows: Cells, and the bar's length, a share in [0, 1].
    """
    told = [
        "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + f'<td class="bars"><div class="bar" style="width: {share:.1%}"></div></td>'
        for cells, share in rows
    ]
    return _table([*header, ""], told)


def _table(header: Sequence[str], rows: Sequence[str]) -> str:
    names = "".join(f"<th>{escape(name)}</th>" for name in header)
    return "\n".join(["<table>", f"<tr>{names}</tr>", *(f"<tr>{row}</tr>" for row in rows), "</table>"])


def thumbnail(image: Image.Image, caption: str) -> str:
    """Return a small image above plain text; images that are small already keep their pixels."""
    small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    source = _webp(small, lossless=small.size == image.size)
    return f'<figure><img src="{source}" alt=""><figcaption>{escape(caption)}</figcaption></figure>'


def wide(picture: Image.Image, told: str) -> str:
    """Return a large picture; `told` is for those who do not see it."""
    return f'<img class="wide" src="{_webp(picture)}" alt="{escape(told)}">'


def drawing(figure: Figure, told: str) -> str:
    """Return a plot; `told` is for those who do not see it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=100)
    return f'<img class="wide" src="{_uri("png", file.getvalue())}" alt="{escape(told)}">'


def _webp(image: Image.Image, lossless: bool = False) -> str:
    file = io.BytesIO()
    image.save(file, "WEBP", lossless=lossless, quality=QUALITY)
    return _uri("webp", file.getvalue())


def _uri(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"
