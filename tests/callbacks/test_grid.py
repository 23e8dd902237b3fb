"""Pictures of pictures: where each image lies, and which loggers get one."""

import numpy as np
import pytest
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from lightning_compose.callbacks.grid import MARGIN_PX, image_grid, publish

COLORS = ["red", "lime", "blue", "yellow", "black"]


def test_images_lie_row_by_row_in_their_own_pixels():
    images = [Image.new("RGB", (200, 100), color) for color in COLORS]
    grid = np.asarray(image_grid(images, ["short"] * 4 + ["a caption that is too long for one line " * 3], columns=2))
    width = 200 + MARGIN_PX
    row = (grid.shape[0] - MARGIN_PX) // 3
    for index, image in enumerate(images):
        y, x = MARGIN_PX + index // 2 * row, MARGIN_PX + index % 2 * width
        assert np.array_equal(grid[y : y + 100, x : x + 200], np.asarray(image))
        below = grid[y + 100 : y + row, x : x + 200]
        assert below.min() < 100, "the caption is written below"
    assert np.array_equal(np.unique(grid[MARGIN_PX + 2 * row :, MARGIN_PX + width :]), [255]), "the last cell is empty"


def test_small_images_are_enlarged_pixel_by_pixel():
    small = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    grid = np.asarray(image_grid([Image.fromarray(small)], [""]))
    enlarged = grid[MARGIN_PX : MARGIN_PX + 160, MARGIN_PX : MARGIN_PX + 160]
    assert np.array_equal(enlarged, small.repeat(20, 0).repeat(20, 1))


class ImageLogger(CSVLogger):
    """Takes images as wandb's logger does."""

    def log_image(self, key, images, step) -> None:
        self.image = (key, images, step)


class PlainLogger(Logger):
    """What Lightning asks for at least: it has no `experiment`."""

    name, version = "plain", 0

    def log_metrics(self, metrics, step=None) -> None:
        pass

    def log_hyperparams(self, *_, **__) -> None:
        pass


def test_a_picture_goes_to_the_folder_and_to_the_loggers_that_take_pictures(make_trainer, tmp_path):
    tensorboard, taker = TensorBoardLogger(tmp_path, name="", version="tb"), ImageLogger(tmp_path)
    trainer = make_trainer(logger=[CSVLogger(tmp_path), PlainLogger(), tensorboard, taker])
    picture = Image.new("RGB", (20, 10), "red")
    file = publish(picture, "samples", "samples-000007", trainer)
    assert file == tmp_path / "pictures/samples-000007.png"
    assert np.array_equal(np.asarray(Image.open(file)), np.asarray(picture))
    assert taker.image == ("samples", [picture], 0)
    tensorboard.experiment.flush()
    events = EventAccumulator(str(tmp_path / "tb"))
    events.Reload()
    (image,) = events.Images("samples")
    assert (image.width, image.height) == (20, 10)


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (2, 2), (5, 3), (9, 3)])
def test_the_grid_is_about_square(count, columns):
    grid = image_grid([Image.new("RGB", (160, 160))] * count, ["x"] * count)
    assert grid.width == columns * (160 + MARGIN_PX) + MARGIN_PX
