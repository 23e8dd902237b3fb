"""An image and a text as a message of the chat completions API."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from typing import Any

from PIL.Image import Image


def picture_message(image: Image, text: str) -> dict[str, Any]:
    """Return the user's message; the image travels inside it, as lossless PNG."""
    buffer = BytesIO()
    image.convert("RGB").save(buffer, "PNG")
    url = f"data:image/png;base64,{b64encode(buffer.getvalue()).decode()}"
    return {
        "role": "user",
        "content": [{"type": "image_url", "image_url": {"url": url}}, {"type": "text", "text": text}],
    }
