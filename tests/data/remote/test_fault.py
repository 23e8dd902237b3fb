"""What the clients raise, and what it means: those that are not run here, too."""

import pytest
from aiohttp import ClientConnectorError, ClientPayloadError, InvalidURL
from aiohttp.http_exceptions import ContentLengthError
from botocore.exceptions import ClientError, EndpointConnectionError, NoCredentialsError
from fsspec.exceptions import FSTimeoutError
from s3fs.errors import translate_boto_error

from lightning_compose.data.remote.fault import fetch_error, is_transient, status_of


class HttpError(Exception):
    """As gcsfs has it."""

    def __init__(self, code):
        self.code = code


class HfHubHTTPError(OSError):
    """As huggingface_hub has it."""

    def __init__(self, status_code):
        self.response = type("Response", (), {"status_code": status_code})()


def caused(error, cause):
    error.__cause__ = cause
    return error


def s3(status, code):
    response = {"Error": {"Code": code, "Message": "..."}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return translate_boto_error(ClientError(response, "GetObject"))


def not_connected():
    return ClientConnectorError(type("Key", (), {"host": "h", "port": 1, "ssl": None})(), OSError("refused"))


@pytest.mark.parametrize(
    ("error", "status", "transient"),
    [
        (s3(404, "NoSuchKey"), 404, False),
        (s3(403, "AccessDenied"), 403, False),
        (s3(500, "InternalError"), 500, True),
        (s3(503, "SlowDown"), 503, True),
        (s3(403, "ExpiredToken"), 403, False),
        (NoCredentialsError(), None, False),
        (EndpointConnectionError(endpoint_url="http://h"), None, True),
        (HttpError(404), 404, False),
        (HttpError("503"), 503, True),
        (HfHubHTTPError(401), 401, False),
        (HfHubHTTPError(429), 429, True),
        (FileNotFoundError("u"), 404, False),
        (PermissionError("u"), 403, False),
        (not_connected(), None, True),
        (caused(FileNotFoundError("u"), not_connected()), None, True),
        (caused(ClientPayloadError(), ContentLengthError("400, too little")), None, True),
        (caused(FSTimeoutError(), TimeoutError()), None, True),
        (ConnectionResetError(), None, True),
        (InvalidURL("h"), None, False),
        (TypeError("a mistake of ours"), None, False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_status_and_whether_to_try_again(error, status, transient):
    assert status_of(error) == status
    assert is_transient(error) is transient


@pytest.mark.parametrize(
    ("error", "tries", "message"),
    [
        (HttpError(401), 1, "Expected to fetch u, got the status 401. Log in"),
        (ConnectionResetError("lost"), 8, "got ConnectionResetError: lost 8 times. Check the network"),
        (FSTimeoutError(), 8, "got no answer in time 8 times. Check the network"),
        (NoCredentialsError(), 1, "got NoCredentialsError: Unable to locate credentials. Check the URL and your"),
    ],
)
def test_messages_say_what_came_and_what_to_do(error, tries, message):
    assert message in str(fetch_error("u", error, tries))
