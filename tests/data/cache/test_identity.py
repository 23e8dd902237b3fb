"""A cache of something else is refused by the name of what differs."""

import pytest

from lightning_compose.data.cache.identity import cache_identity, require_same
from lightning_compose.data.shards import ShardSet

MODEL = {"vae": {"width": 4, "_name_or_path": "a", "dtype": "float32", "weights": "1"}}


@pytest.fixture
def identity(write_set):
    return cache_identity(ShardSet(write_set()), 16, MODEL)


def test_origin_and_keys_of_another_version_do_not_matter(identity):
    vae = {"width": 4, "_name_or_path": "b", "dtype": "bfloat16", "weights": "1", "new": True}
    require_same(identity, {**identity, "model": {"vae": vae}}, "cache")


def test_an_unknown_model_is_not_compared(write_set, identity):
    require_same(identity, cache_identity(ShardSet(write_set(name="copy")), 16, None), "cache")


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"size_px": 32}, "`size_px` was 16 when it was cached and is 32 now"),
        ({"dtype": "bfloat16"}, "`dtype` was 'float16'"),
        ({"model": {"vae": {"width": 8}}}, "`model.vae.width` was 4"),
        ({"model": {"vae": {"weights": "2"}}}, "`model.vae.weights` was '1'"),
    ],
)
def test_the_first_difference_is_named(identity, changed, named):
    with pytest.raises(ValueError, match=named):
        require_same(identity, {**identity, **changed}, "cache")


def test_the_set_is_known_by_its_content(write_set, make_sample, identity):
    other = ShardSet(write_set([make_sample(number) for number in range(8)], name="other"))
    with pytest.raises(ValueError, match="`source` was"):
        require_same(identity, cache_identity(other, 16, MODEL), "cache")
