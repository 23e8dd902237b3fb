"""An annotation survives JSON, and contradicts itself never."""

import json
import pickle

import pytest

from lightning_compose.data.schema import Annotation, Noun, Phrase, Question, Rle, SampleError

FULL = Annotation(
    caption="A red cup beside a hot dog. A cup!",
    stage="composition",
    category="color",
    negative_caption="A blue cup beside a hot dog.",
    nouns=(
        Noun("cup", ((6, 9), (30, 33)), (Phrase("red", ((2, 5),)),), mask=0),
        Noun("Hot Dog", ((19, 26),), mask=0),
        Noun("cup", ((30, 33),)),
    ),
    masks=(Rle((2, 3), "33"),),
    questions=(Question(1, "Is the cup red?", "yes", "attribute", ("cup", "red"), (0,)), Question(0, "?", "yes", "x")),
    scores={"vqa": 0.5},
    source={"scene": [1, {"b": 2}], "a": None},
)


def fields(**changes):
    return json.dumps({"caption": "a cup", "stage": "single"} | changes).encode()


def test_json_round_trip():
    assert Annotation.from_json(FULL.to_json()) == FULL


def test_an_equal_annotation_gives_the_same_bytes():
    other = json.loads(FULL.to_json())
    other["source"] = dict(reversed(other["source"].items()))
    assert Annotation.from_json(json.dumps(other).encode()).to_json() == FULL.to_json()


def test_text_is_kept_as_it_is():
    annotation = Annotation(
        caption="eine Schale \N{SNOWMAN}", stage="single", nouns=(Noun("\N{SNOWMAN}", ((12, 13),)),)
    )
    assert Annotation.from_json(annotation.to_json()) == annotation


def test_keys_of_users_are_ignored_and_optional_ones_may_lack():
    assert Annotation.from_json(fields(weather="fine")) == Annotation(caption="a cup", stage="single")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"stage": "IV"}, "unknown_stage"),
        ({"category": "taste"}, "unknown_category"),
        ({"caption": " "}, "empty_caption"),
        ({"caption": "\ud800"}, "bad_caption"),
        ({"caption": "a cup " * 2000}, "bad_caption"),
        ({"caption": 7}, "bad_annotation"),
        ({"negative_caption": ""}, "empty_negative_caption"),
        ({"negative_caption": 7}, "bad_annotation"),
        ({"nouns": [{"text": "cup", "spans": [[2, 6]]}]}, "span_outside_caption"),
        ({"nouns": [{"text": "cup", "spans": [[3, 5]]}]}, "span_outside_caption"),
        ({"nouns": [{"text": "cup", "spans": [[-3, 5]]}]}, "span_outside_caption"),
        ({"nouns": [{"text": "", "spans": [[2, 2]]}]}, "span_outside_caption"),
        ({"nouns": [{"text": "cup", "spans": []}]}, "span_outside_caption"),
        ({"nouns": [{"text": "cup", "spans": [[2, 5]], "attributes": [{"text": "red", "spans": [[0, 3]]}]}]},
         "span_outside_caption"),
        ({"nouns": [{"text": "cup", "spans": [[2, 5]], "mask": 0}]}, "unknown_mask"),
        ({"nouns": [{"text": "cup", "spans": [[2, 5]], "mask": -1}]}, "unknown_mask"),
        ({"nouns": [{"text": "cup", "spans": [[2, 5]], "mask": 0.0}], "masks": [{"size": [1, 1], "counts": "1"}]},
         "bad_annotation"),
        ({"nouns": [{"text": "cup", "spans": [[2.0, 5]]}]}, "bad_annotation"),
        ({"nouns": [{"text": "cup", "spans": ["25"]}]}, "bad_annotation"),
        ({"nouns": [{"text": 5, "spans": [[2, 5]]}]}, "bad_annotation"),
        ({"nouns": [{"spans": [[2, 5]]}]}, "bad_annotation"),
        ({"nouns": 3}, "bad_annotation"),
        ({"masks": [{"size": [1, 1], "counts": [1]}]}, "bad_annotation"),
        ({"masks": [{"size": [1], "counts": "1"}]}, "bad_annotation"),
        ({"questions": [{"id": 0}]}, "bad_annotation"),
        ({"scores": 1}, "bad_annotation"),
    ],
)  # fmt: skip
def test_contradictions_are_refused(changes, reason):
    with pytest.raises(SampleError, match="Expected") as caught:
        Annotation.from_json(fields(**changes))
    assert caught.value.reason == reason


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{", b'{"caption":"a"}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_annotation_is_refused(data):
    with pytest.raises(SampleError) as caught:
        Annotation.from_json(data)
    assert caught.value.reason == "bad_annotation"


def test_an_annotation_that_would_fill_the_memory_is_not_parsed():
    with pytest.raises(SampleError) as caught:
        Annotation.from_json(b"[" + b"[]," * 2_000_000 + b"0]")
    assert caught.value.reason == "annotation_too_large"


def test_errors_survive_the_way_between_processes():
    error = pickle.loads(pickle.dumps(SampleError("bad_mask", "Expected a mask.")))
    assert (error.reason, str(error)) == ("bad_mask", "Expected a mask.")
