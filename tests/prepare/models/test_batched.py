"""Where batches lie."""

import pytest

from lightning_compose.prepare.models.batched import Batched


@pytest.mark.parametrize(("count", "ends"), [(0, []), (2, [2]), (5, [2, 4, 6])])
def test_batches_cover_all_images(count, ends):
    batches = Batched("m", 2).batches(count)
    assert [each.stop for each in batches] == ends
    assert [number for each in batches for number in range(count)[each]] == list(range(count))
