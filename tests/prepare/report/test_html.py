"""Pieces of a page: texts stay texts, pictures are inside."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from lightning_compose.prepare.report.html import THUMBNAIL_PX, bar_table, page, paragraph, section, table, thumbnail

HOSTILE = '<script>"&'


@pytest.mark.parametrize(
    "html",
    [
        page(HOSTILE, []),
        section(HOSTILE),
        paragraph(HOSTILE),
        table([(HOSTILE,), (HOSTILE,)]),
        bar_table((HOSTILE,), [((HOSTILE,), 0.5)]),
        thumbnail(Image.new("RGB", (2, 2)), HOSTILE),
    ],
)
def test_texts_are_escaped(html):
    assert "<script" not in html
    assert "&lt;script&gt;&quot;&amp;" in html


def shown(html):
    (data,) = re.findall(r"data:image/webp;base64,([^\"]*)", html)
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"))


def test_a_small_image_keeps_its_pixels_and_a_large_one_is_made_small():
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    assert np.array_equal(shown(thumbnail(Image.fromarray(pixels), "")), pixels)
    assert shown(thumbnail(Image.new("RGB", (800, 400)), "")).shape == (THUMBNAIL_PX // 2, THUMBNAIL_PX, 3)


def test_a_bar_is_as_long_as_its_share():
    assert 'style="width: 37.5%"' in bar_table(("",), [(("a",), 0.375)])
