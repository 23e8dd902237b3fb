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
