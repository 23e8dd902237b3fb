"""URLs of sets, of their files, and what is shown of them."""

import pytest

from lightning_compose.data.remote.url import is_url, join, require_known_scheme, shown


@pytest.mark.parametrize(
    ("url", "path", "joined"),
    [
        ("s3://bucket/set/", "single/000000.tar", "s3://bucket/set/single/000000.tar"),
        ("s3://bucket", "a?b #c.tar", "s3://bucket/a?b #c.tar"),
        ("hf://datasets/user/set@v1", "index.json", "hf://datasets/user/set@v1/index.json"),
        ("https://host/set", "a?b #c.tar", "https://host/set/a%3Fb%20%23c.tar"),
        ("https://host/set/?token=t", "a.tar", "https://host/set/a.tar?token=t"),
    ],
)
def test_a_file_of_a_set(url, path, joined):
    assert join(url, path) == joined


def test_secrets_are_not_shown():
    assert shown("https://user:password@host:81/set/a.tar?token=t#part") == "https://host:81/set/a.tar"
    assert shown("s3://bucket/set") == "s3://bucket/set"


@pytest.mark.parametrize("root", ["set", "/a/set", "C:set", "a:b", ""])
def test_folders_are_no_urls(root):
    assert not is_url(root)


@pytest.mark.parametrize("url", ["s3://b/s", "gs://b/s", "https://h/s", "http://h/s", "hf://datasets/u/s"])
def test_known_schemes(url):
    assert is_url(url)
    require_known_scheme(url)
