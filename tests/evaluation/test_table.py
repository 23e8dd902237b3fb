"""What a person reads of the metrics."""

from lightning_compose.evaluation.table import summary


def test_seen_and_held_out_stand_side_by_side():
    measured = {"accuracy/color": 0.5, "clip_score": 71.25, "accuracy/color/held_out": 0.25, "kid": 0.0123}
    assert summary(measured).splitlines() == [
        "                seen  held out",
        "accuracy/color  50.0      25.0",
        "clip_score      71.2",
        "kid                     0.0123",
    ]


def test_nothing_right_is_a_number_and_what_one_split_lacks_is_none():
    assert summary({"accuracy/color": 0.0, "mg2/held_out": 0.5}).splitlines()[1:] == [
        "accuracy/color   0.0",
        "mg2                       50.0",
    ]
