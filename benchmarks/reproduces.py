"""Tell whether a model draws the images that it learned by heart: each drawn image beside those of its set.

python -m benchmarks.reproduces --pairs SET --write_captions captions.txt   # for predict --prompts
python -m benchmarks.reproduces --pairs SET --images FOLDER                 # what predict drew for them
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from lightning_compose.callbacks.grid import image_grid
from lightning_compose.data.images import decode_image
from lightning_compose.data.schema import EncodedImage, Sample
from lightning_compose.data.shards import ShardSet
from lightning_compose.documentation import Row, write_csv
from lightning_compose.inference import MANIFEST

DOCS = Path(__file__).parents[1] / "docs"
PICTURE = DOCS / "images/overfit_sd3.png"
VALUES = DOCS / "benchmarks/overfit_sd3.csv"
COLUMNS = 10


def read_samples(pairs: Path) -> list[Sample]:
    """Read all pairs of a set, in its order."""
    shards = ShardSet(pairs)
    return [shards.read(row) for row in range(len(shards))]


def captions_of(samples: Sequence[Sample]) -> list[str]:
    """Return each caption as one line."""
    return [" ".join(sample.annotation.caption.split()) for sample in samples]


def read_drawn(folder: Path, captions: Sequence[str]) -> list[np.ndarray]:
    """Read the images of a folder of ``predict``.

    Raises:
        ValueError: When they were drawn for other prompts, or in another order.
    """
    rows = [json.loads(line) for line in (folder / MANIFEST).read_text(encoding="utf-8").splitlines()]
    if (prompts := [row["prompt"] for row in rows]) != list(captions):
        raise ValueError(
            f"Expected '{folder}' to hold an image for each of the {len(captions)} captions of the set, in its order, "
            f"got those of {len(prompts)} prompts, such as {prompts[:1]}. Draw them for what --write_captions writes."
        )
    return [decode_image(EncodedImage("png", (folder / row["file"]).read_bytes())) for row in rows]


def require_comparable(originals: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> None:
    """Raise unless there are two images or more, all of one size.

    Raises:
        ValueError: Otherwise.
    """
    if len(originals) < 2:
        raise ValueError(f"Expected a set of at least two pairs, to tell them apart, got {len(originals)}.")
    if len(sizes := {image.shape[:2] for image in (*originals, *drawn)}) > 1:
        raise ValueError(f"Expected images of one size, got {sorted(sizes)}. Draw with --height_px and --width_px.")


def psnr(images: Sequence[np.ndarray], others: Sequence[np.ndarray]) -> np.ndarray:
    """Return the peak signal-to-noise ratio between each image and each of the others.

    Args:
        images: uint8 ``[height, width, 3]``, all of one size.
        others: Likewise.

    Returns:
        float64 ``[image, other]`` in dB; inf between equal ones.
    """
    errors = [[np.mean((image - other.astype(float)) ** 2) for other in others] for image in images]
    with np.errstate(divide="ignore"):
        return 10 * np.log10(255**2 / np.array(errors))


def compare(captions: Sequence[str], originals: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> list[Row]:
    """Return a row a caption: dB to its own image, and to the nearest of the others."""
    to_originals = psnr(drawn, originals)
    return [
        {
            "caption": caption,
            "own_db": f"{to_originals[index, index]:.2f}",
            "nearest_other_db": f"{np.delete(to_originals[index], index).max():.2f}",
        }
        for index, caption in enumerate(captions)
    ]


def summary(rows: Sequence[Row], originals: Sequence[np.ndarray]) -> str:
    """Return in a sentence what `compare` found, and how far the set's images are apart."""
    own, other = (np.array([float(row[name]) for row in rows]) for name in ("own_db", "nearest_other_db"))
    apart = psnr(originals, originals)[np.triu_indices(len(originals), 1)]
    return (
        f"nearest to the caption's own image for {(own > other).sum()} captions of {len(rows)}, "
        f"at {np.median(own):.1f} dB in the median ({np.median(apart):.1f} dB between different images)"
    )


def draw(captions: Sequence[str], originals: Sequence[np.ndarray], drawn: Sequence[np.ndarray]) -> Image.Image:
    """Draw each original above what was drawn for its caption."""
    above_each_other = [Image.fromarray(np.concatenate(pair)) for pair in zip(originals, drawn, strict=True)]
    return image_grid(above_each_other, captions, COLUMNS)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the captions, or compare what was drawn for them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reproduces", description=__doc__)
    parser.add_argument("--pairs", type=Path, required=True, help="the set")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--write_captions", type=Path, metavar="TXT", help="write a caption a line, and no more")
    task.add_argument("--images", type=Path, help="folder that predict wrote")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="PNG to write")
    parser.add_argument("--values", type=Path, default=VALUES, help="CSV to write")
    try:
        _run(parser.parse_args(arguments))
    except (OSError, ValueError) as error:
        # Such as a folder that is not there.
        parser.error(str(error))


def _run(options: argparse.Namespace) -> None:
    samples = read_samples(options.pairs)
    captions = captions_of(samples)
    if options.write_captions:
        options.write_captions.write_text("\n".join(captions) + "\n", encoding="utf-8")
        return
    originals, drawn = [decode_image(each.positive) for each in samples], read_drawn(options.images, captions)
    require_comparable(originals, drawn)
    rows = compare(captions, originals, drawn)
    write_csv(options.values, rows)
    draw(captions, originals, drawn).save(options.picture)
    print(summary(rows, originals))


if __name__ == "__main__":
    main()
