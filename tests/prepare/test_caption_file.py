"""COCO's captions: read, checked, and some of them drawn."""

import json

import pytest

from lightning_compose.prepare.caption_file import CaptionedImage, draw, read_captions

IMAGES = [{"id": 42, "file_name": "b.jpg", "license": 1}, {"id": 7, "file_name": "sub/a.jpg"}]
CAPTIONS = [
    {"image_id": 42, "id": 1, "caption": "A cup.\n"},
    {"image_id": 42, "id": 2, "caption": "A  cup."},
    {"image_id": 42, "id": 3, "caption": "A red cup."},
    {"image_id": 8, "id": 4, "caption": "Of no image."},
    {"image_id": 7, "id": 5, "caption": " "},
]


def file_of(folder, images=IMAGES, annotations=CAPTIONS):
    file = folder / "captions.json"
    file.write_text(json.dumps({"info": {}, "images": images, "annotations": annotations}))
    return file


def test_images_come_by_their_ids_with_each_caption_once(tmp_path):
    assert read_captions(file_of(tmp_path)) == [
        CaptionedImage("000000000007", "sub/a.jpg", ()),
        CaptionedImage("000000000042", "b.jpg", ("A cup.", "A red cup.")),
    ]


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ([{"id": 1, "file_name": "../a.jpg"}], r"in the folder of images, got '\.\./a\.jpg'"),
        ([{"id": 1, "file_name": "/etc/a.jpg"}], "in the folder of images, got '/etc/a.jpg'"),
        ([{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "a.jpg"}], "got 'a.jpg' again"),
        ([{"id": 1, "file_name": "a.jpg"}, {"id": 1, "file_name": "b.jpg"}], "got '000000000001' again"),
        ([], "at least one image in"),
        ([{"id": 1}], "to hold COCO's captions"),
        ([1], "to hold COCO's captions"),
    ],
)
def test_refuses(tmp_path, images, message):
    with pytest.raises(ValueError, match=message):
        read_captions(file_of(tmp_path, images))


def test_refuses_what_holds_no_captions(tmp_path):
    # COCO's instances have annotations, too.
    with pytest.raises(ValueError, match="to hold COCO's captions"):
        read_captions(file_of(tmp_path, annotations=[{"image_id": 42, "bbox": [1, 2, 3, 4]}]))
    (tmp_path / "captions.json").write_text("no JSON")
    with pytest.raises(ValueError, match="to hold COCO's captions"):
        read_captions(tmp_path / "captions.json")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected a file of captions, found no file '.*none.json'"):
        read_captions(tmp_path / "none.json")


def test_a_draw_is_the_seeds():
    images = [CaptionedImage(f"{number:03d}", f"{number}.jpg", ()) for number in range(100)]
    drawn = draw(images, 10, seed=0)
    assert drawn == draw(images, 10, seed=0) == sorted(drawn, key=lambda each: each.key)
    assert drawn != draw(images, 10, seed=1)
    assert set(drawn) <= set(draw(images, 20, seed=0))
    assert draw(images, None, seed=0) == images
    with pytest.raises(ValueError, match="`count` to be at most the 100 images there are, got 101"):
        draw(images, 101, seed=0)
