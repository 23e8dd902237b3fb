"""Seeds of images: of each image's own, whatever is drawn beside it."""

from lightning_compose.prepare.image_seeds import image_seeds


def test_more_images_do_not_change_the_first():
    assert image_seeds(3, "candidates", "a", 20)[:10] == image_seeds(3, "candidates", "a", 10)


def test_all_differ():
    runs = [(0, "candidates", "a"), (1, "candidates", "a"), (0, "negatives", "a"), (0, "candidates", "b")]
    seeds = [seed for each in runs for seed in image_seeds(*each, 20)]
    assert len(set(seeds)) == 80
    assert all(0 <= seed < 2**32 for seed in seeds)
