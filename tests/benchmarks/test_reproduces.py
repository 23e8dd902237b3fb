"""What was drawn is held to the set that it was learned from, and the page tells what came out."""

import json
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from PIL import Image
from torchmetrics.functional.image import peak_signal_noise_ratio

from benchmarks.reproduces import DOCS, PICTURE, VALUES, captions_of, main, psnr, read_samples, summary
from lightning_compose.cli import main as lightning_compose
from lightning_compose.data.images import decode_image
from lightning_compose.documentation import read_csv


def write_set(folder, pairs, seed=0):
    lightning_compose(["shapes", "--out", str(folder), "--pairs", str(pairs), "--seed", str(seed)])
    return folder


def originals_of(samples):
    return [decode_image(each.positive) for each in samples]


def write_images(folder, captions, images):
    folder.mkdir()
    lines = []
    for index, (caption, image) in enumerate(zip(captions, images, strict=True)):
        Image.fromarray(image).save(folder / f"{index}.png")
        lines.append(json.dumps({"file": f"{index}.png", "prompt": caption}))
    (folder / "manifest.jsonl").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_set(tmp_path_factory.mktemp("sets") / "pairs", 4)


@pytest.fixture
def run(pairs, tmp_path):
    """Compare a folder of images with the set, and return the rows."""

    def run(images, root=pairs):
        files = {"--picture": tmp_path / "drawn.png", "--values": tmp_path / "drawn.csv"}
        files |= {"--pairs": root, "--images": images}
        main([str(part) for option in files.items() for part in option])
        return read_csv(tmp_path / "drawn.csv")

    return run


@pytest.fixture
def refused(capsys):
    """Expect an end with the usage and one line, which holds this."""

    @contextmanager
    def refused(message):
        with pytest.raises(SystemExit) as exit_:
            yield
        assert exit_.value.code == 2
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.startswith("python -m benchmarks.reproduces: error: ")
        assert message in last

    return refused


def test_decibels_are_those_of_torchmetrics():
    images = list(np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), dtype=np.uint8))
    tensors = [torch.tensor(each, dtype=torch.float64) for each in images]
    expected = [[peak_signal_noise_ratio(one, other, data_range=255.0) for other in tensors[1:]] for one in tensors]
    assert psnr(images, images[1:]) == pytest.approx(np.array(expected))


def test_two_images_of_four_that_were_drawn_for_each_others_captions_are_told(pairs, run, tmp_path, capsys):
    samples = read_samples(pairs)
    first, second, *others = originals_of(samples)
    darker = [image // 4 * 3 for image in (second, first, *others)]
    rows = run(write_images(tmp_path / "images", captions_of(samples), darker))
    assert [float(row["own_db"]) > float(row["nearest_other_db"]) for row in rows] == [False, False, True, True]
    assert float(rows[0]["nearest_other_db"]) == pytest.approx(psnr([darker[0]], [second]).item(), abs=0.005)
    assert [row["caption"] for row in rows] == [each.annotation.caption for each in samples]
    own, apart = psnr(darker, originals_of(samples)).diagonal(), psnr(originals_of(samples), originals_of(samples))
    between = np.median([apart[one, other] for one in range(4) for other in range(one)])
    assert capsys.readouterr().out == (
        f"nearest to the caption's own image for 2 captions of 4, at {np.median(own):.1f} dB in the median "
        f"({between:.1f} dB between different images)\n"
    )
    picture = Image.open(tmp_path / "drawn.png")
    assert picture.getpixel((100, 100)) == tuple(np.asarray(Image.fromarray(first).resize((192, 192), 0))[94, 94])


def test_what_predict_draws_for_the_written_captions_is_read(pairs, run, tmp_path):
    captions, images = tmp_path / "captions.txt", tmp_path / "images"
    main(["--pairs", str(pairs), "--write_captions", str(captions)])
    settings = f"--prompts {captions} --out {images} --num_inference_steps 1".split()
    lightning_compose(["predict", "--config", str(DOCS.parent / "configs/shapes-sd3.yaml"), *settings])
    assert len(run(images)) == 4


def test_images_for_other_prompts_are_refused(pairs, run, refused, tmp_path):
    samples = read_samples(pairs)
    images = write_images(tmp_path / "images", captions_of(samples)[::-1], originals_of(samples))
    with refused("each of the 4 captions of the set, in its order"):
        run(images)


def test_images_of_another_size_are_refused(pairs, run, refused, tmp_path):
    samples = read_samples(pairs)
    images = write_images(tmp_path / "images", captions_of(samples), [each[:32] for each in originals_of(samples)])
    with refused("of one size, got [(32, 64), (64, 64)]"):
        run(images)


def test_a_set_of_one_pair_is_refused(run, refused, tmp_path):
    samples = read_samples(root := write_set(tmp_path / "one", 1))
    images = write_images(tmp_path / "images", captions_of(samples), originals_of(samples))
    with refused("at least two pairs"):
        run(images, root)


def test_folders_that_are_not_there_are_refused(pairs, run, refused, tmp_path):
    with refused("nowhere/manifest.jsonl"):
        run(tmp_path / "nowhere")
    with refused("nowhere: Expected a folder of shards"):
        run(tmp_path, tmp_path / "nowhere")


def test_the_page_shows_the_committed_values(tmp_path):
    samples, rows = read_samples(write_set(tmp_path / "pairs", 20, seed=3)), read_csv(VALUES)
    assert [row["caption"] for row in rows] == captions_of(samples), "the page's command makes another set by now"
    page = (DOCS / "sd3.md").read_text()
    assert summary(rows, originals_of(samples)) in " ".join(page.split())
    assert f"](images/{PICTURE.name})" in page
