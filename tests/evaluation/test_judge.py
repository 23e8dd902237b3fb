"""The base of judges."""

import pytest

from lightning_compose.evaluation.judge import Judge


def test_a_subclass_must_judge():
    class Silent(Judge):
        pass

    with pytest.raises(NotImplementedError, match=r"Silent must implement `judge\(images, prompts\)`"):
        Silent().judge([], [])


def test_it_has_no_real_images_unless_it_says_so():
    assert list(Judge().references([])) == []
