"""The code blocks of a Markdown page, for the tests that run them."""

import re
from pathlib import Path

FENCE = re.compile(r"^```(?P<language>[\w-]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


def fenced_blocks(page: Path, language: str) -> list[str]:
    """Return the texts of a page's blocks in one language, in order."""
    return [match["text"] for match in FENCE.finditer(page.read_text()) if match["language"] == language]


def commands(page: Path) -> list[str]:
    """Return the command lines of a page's bash blocks, comments and line continuations removed."""
    lines = "".join(fenced_blocks(page, "bash")).replace("\\\n", " ").splitlines()
    return [command for line in lines if (command := re.sub(r"(^|\s)#.*", "", line).strip())]
