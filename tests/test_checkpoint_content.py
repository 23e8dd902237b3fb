"""What enters a checkpoint."""

from torch import nn

from lightning_compose.checkpoint_content import plain_only


def test_plain_values_are_kept_and_objects_are_not():
    plain = {"none": None, "flag": True, "count": 3, "rate": 1e-5, "name": "a", "nested": {"list": [1, {"a": "b"}]}}
    objects = {"module": nn.Linear(1, 1), "function": print, "inside": {"deep": [nn.ReLU()]}, "class": int}
    assert plain_only({**plain, **objects}) == plain
