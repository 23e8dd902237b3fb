"""Pairs as tasks of Label Studio.

Source: https://labelstud.io/guide/tasks for the tasks, https://labelstud.io/tags/choices for what is asked.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from lightning_compose.data.durable import replaced
from lightning_compose.prepare.review.difference import with_marks
from lightning_compose.prepare.review.pairs import Pair
from lightning_compose.prepare.review.view import BOTH, ONE
from lightning_compose.seeding import generator

TASKS, LABELS, IMAGES = "tasks.json", "labels.xml", "images"
# As Label Studio serves files below LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT.
SERVED = f"/data/local-files/?d={IMAGES}/"
# Where there is no negative: a tag of an image must have one.
NOTHING = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7"
CONFIG = """<View>
  <Header value="$question"/>
  <View style="display: flex; gap: 2em">
    <View style="width: 48%"><Image name="left" value="$left_image"/><HyperText name="left_text" value="$left_caption"/></View>
    <View style="width: 48%"><Image name="right" value="$right_image"/><HyperText name="right_text" value="$right_caption"/></View>
  </View>
  <Choices name="answer" toName="left" choice="single" required="true" showInLine="true">
    <Choice value="yes" hotkey="y"/>
    <Choice value="no" hotkey="n"/>
    <Choice value="skip" hotkey="s"/>
  </Choices>
</View>
"""  # noqa: E501


def write_tasks(pairs: Sequence[Pair], folder: Path, seed: int) -> int:
    """Write ``tasks.json``, ``labels.xml`` (the labeling interface) and ``images/``; return how many tasks.

    Args:
        pairs: To be looked at.
        folder: It may be new; what it holds is written anew.
        seed: Of the sides, which are the same for all annotators: they share the tasks.
    """
    shutil.rmtree(folder / IMAGES, ignore_errors=True)
    (folder / IMAGES).mkdir(parents=True)
    tasks = [{"data": _data(pair, number, folder / IMAGES, seed)} for number, pair in enumerate(pairs)]
    for name, content in ((LABELS, CONFIG), (TASKS, json.dumps(tasks, indent=1, ensure_ascii=False))):
        with replaced(folder / name) as file:
            file.write(content.encode())
    return len(tasks)


def _data(pair: Pair, number: int, images: Path, seed: int) -> dict[str, str]:
    sides = _sides(pair)
    is_left = pair.negative is None or generator(seed, f"review/label_studio/{pair.key}").integers(2) == 1
    data = {"key": pair.key, "pair": pair.identity, "left": "positive" if is_left else "negative"}
    data["question"] = BOTH if pair.negative is not None else ONE
    for side, (caption, image) in zip(("left", "right"), sides if is_left else reversed(sides), strict=True):
        data[f"{side}_caption"] = caption
        data[f"{side}_image"] = _copied(image, images, f"{number:06d}-{side}")
    return data


def _sides(pair: Pair) -> list[tuple[str, Path | None]]:
    other = pair.negative_caption
    positive = with_marks(pair.caption, other if other is not None else pair.caption)
    return [(positive, pair.positive), (with_marks(other, pair.caption) if other is not None else "", pair.negative)]


def _copied(image: Path | None, folder: Path, name: str) -> str:
    # Under a name of its own: that in the workspace would tell what it is.
    if image is None:
        return NOTHING
    copy = folder / f"{name}{image.suffix.lower()}"
    shutil.copyfile(image, copy)
    return f"{SERVED}{copy.name}"
