"""A user's images become shards as they are; every mistake names its row and column."""

import numpy as np
import pytest
from PIL import Image

from lightning_compose.data.images import decode_image
from lightning_compose.data.masks import decode_mask
from lightning_compose.data.pack import pack_table
from lightning_compose.data.shards import ShardSet
from lightning_compose.data.user_table import TableError

LEFT = np.zeros((8, 12), dtype=np.uint8)
LEFT[:, :5] = 1


@pytest.fixture
def folder(tmp_path):
    """Image files beside a place for a table."""
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg", "c.webp", "D.JPEG"):
        Image.fromarray(rng.integers(0, 256, (8, 12, 3), dtype=np.uint8)).save(tmp_path / name)
    masks = tmp_path / "masks"
    masks.mkdir()
    Image.fromarray(LEFT).save(masks / "left.png")
    Image.fromarray(1 - LEFT).save(masks / "right.png")
    Image.fromarray(LEFT * 0).save(masks / "empty.png")
    Image.fromarray(LEFT.T.copy()).save(masks / "turned.png")
    (tmp_path / "cut.png").write_bytes((tmp_path / "a.png").read_bytes()[:-30])
    (tmp_path / "liar.jpg").write_bytes((tmp_path / "a.png").read_bytes())
    return tmp_path


def write_table(folder, *rows):
    header = "positive,caption,negative,negative_caption,nouns,masks,stage,category"
    (folder / "table.csv").write_text("\n".join([header, *rows]))
    return folder / "table.csv"


def test_images_are_kept_byte_by_byte(folder):
    table = write_table(folder, "a.png,a dog,b.jpg,a cat,,,single,color", "c.webp,a dog,D.JPEG,,,,,", "D.JPEG,x,,,,,,")
    assert pack_table(table, folder / "set", progress=False) == 3
    shards = ShardSet(folder / "set")
    samples = {key: shards.read(row) for row, key in enumerate(shards.table["key"])}
    first, second, third = (samples[f"{number:09d}".encode()] for number in range(3))
    assert first.positive.data == (folder / "a.png").read_bytes()
    assert first.negative.data == (folder / "b.jpg").read_bytes()
    assert second.positive.data == (folder / "c.webp").read_bytes()
    assert (second.negative.suffix, second.negative.data) == ("jpeg", (folder / "D.JPEG").read_bytes())
    assert third.negative is None
    assert (first.annotation.stage, first.annotation.category) == ("single", "color")
    assert (second.annotation.stage, second.annotation.category) == ("composition", "other")
    assert first.annotation.negative_caption == "a cat"
    assert third.annotation.source == {"table": "table.csv", "row": 4}


def test_nouns_get_their_spans_and_masks_in_the_order_of_the_caption(folder):
    table = write_table(folder, "a.png,a cup; a dog beside a cup,,,dog;cup;a,masks/right.png;masks/left.png;,,")
    table.write_text(table.read_text().replace("a cup; a dog beside a cup", "a cup and one dog beside another cup"))
    pack_table(table, folder / "set", progress=False)
    annotation = ShardSet(folder / "set").read(0).annotation
    assert [(noun.text, noun.spans) for noun in annotation.nouns] == [
        ("a", ((0, 1),)),
        ("cup", ((2, 5), (33, 36))),
        ("dog", ((14, 17),)),
    ]
    drawn = [None if noun.mask is None else decode_mask(annotation.masks[noun.mask]) for noun in annotation.nouns]
    assert drawn[0] is None
    assert np.array_equal(drawn[1], LEFT == 1)
    assert np.array_equal(drawn[2], LEFT == 0)


def test_nouns_may_share_a_mask(folder):
    table = write_table(folder, "a.png,a dog in grass,,,dog;grass,masks/left.png;masks/left.png,,")
    pack_table(table, folder / "set", progress=False)
    annotation = ShardSet(folder / "set").read(0).annotation
    assert [noun.mask for noun in annotation.nouns] == [0, 0]
    assert len(annotation.masks) == 1


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA"])
def test_masks_of_any_mode(folder, mode):
    mask = Image.fromarray(LEFT * 255).convert(mode)
    if mode in ("RGBA", "LA"):
        mask = Image.merge(mode, [Image.new("L", (12, 8), 255)] * (len(mode) - 1) + [Image.fromarray(LEFT * 255)])
    mask.save(folder / "mask.png")
    pack_table(write_table(folder, "a.png,a dog,,,dog,mask.png,,"), folder / "set", progress=False)
    assert np.array_equal(decode_mask(ShardSet(folder / "set").read(0).annotation.masks[0]), LEFT == 1)


def test_masks_lie_on_the_upright_image(folder):
    exif = Image.Exif()
    exif[274] = 6
    Image.open(folder / "a.png").save(folder / "turned.jpg", exif=exif)
    pack_table(write_table(folder, "turned.jpg,a dog,,,dog,masks/turned.png,,"), folder / "set", progress=False)
    sample = ShardSet(folder / "set").read(0)
    assert decode_image(sample.positive).shape[:2] == sample.annotation.masks[0].size == (12, 8)


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ("none.png,a dog,,,,,,", "positive", "No such file"),
        ("masks/,a dog,,,,,,", "positive", "ends in jpg"),
        ("a.gif,a dog,,,,,,", "positive", "Convert it"),
        ("cut.png,a dog,,,,,,", "positive", "whole PNG image"),
        ("a.png,a dog,liar.jpg,,,,,", "negative", "whole JPEG image"),
        ("a.png,a woman,,,man,,,", "nouns", "found it nowhere"),
        ("a.png,a dog,,,dog;dog,,,", "nouns", "2 times, found it 1 times"),
        ("a.png,a dog,,,dog,masks/none.png,,", "masks", "No such file"),
        ("a.png,a dog,,,dog,b.jpg,,", "masks", "ends in png"),
        ("a.png,a dog,,,dog,masks/empty.png,,", "masks", "other than black"),
        ("a.png,a dog,,,dog,masks/turned.png,,", "masks", "8 x 12 .* got 12 x 8"),
        ("a.png,a dog,,,,,fourth,", "stage", "one of"),
    ],
)
def test_a_mistake_names_row_and_column_and_writes_nothing(folder, row, column, message):
    table = write_table(folder, "a.png,a dog,,,,,,", row)
    with pytest.raises(TableError, match=f"Expected .*{message}") as caught:
        pack_table(table, folder / "set", progress=False)
    assert (caught.value.row, caught.value.column) == (3, column)
    assert "\n" not in str(caught.value)
    assert not list(folder.glob("set/*"))


def test_progress_is_shown_in_pairs(folder, capsys):
    pack_table(write_table(folder, "a.png,a dog,,,,,,"), folder / "set")
    assert "1/1" in capsys.readouterr().err
