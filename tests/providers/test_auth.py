"""Keys as header lines."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from trioproxy.providers.auth import CREDENTIAL_HEADERS, auth_headers, entry_headers
from trioproxy.providers.model import AuthStyle


@pytest.mark.parametrize("style", AuthStyle)
@pytest.mark.parametrize("key", [None, ""])
def test_no_key_is_no_header(style: AuthStyle, key: str | None) -> None:
    assert auth_headers(style, key) == {}


@pytest.mark.parametrize(
    ("style", "custom", "expected"),
    [
        (AuthStyle.BEARER, False, {"authorization": "Bearer K"}),
        (AuthStyle.X_API_KEY, True, {"x-api-key": "K"}),
        (AuthStyle.ANTHROPIC, False, {"x-api-key": "K"}),
        (AuthStyle.ANTHROPIC, True, {"x-api-key": "K", "authorization": "Bearer K"}),
        (AuthStyle.GOOGLE, True, {"x-goog-api-key": "K"}),
        (AuthStyle.NONE, False, {}),
    ],
)
def test_key_goes_as_the_style_says(style: AuthStyle, custom: bool, expected: dict[str, str]) -> None:
    assert auth_headers(style, "K", custom_base=custom) == expected


def test_iflow_signs_each_request() -> None:
    lines = auth_headers(AuthStyle.IFLOW, "K", now=12.345, token="abc")

    message = b"iFlow-Cli:session-abc:12345"
    assert lines["authorization"] == "Bearer K"
    assert lines["session-id"] == "session-abc"
    assert lines["x-iflow-timestamp"] == "12345"
    assert lines["x-iflow-signature"] == hmac.new(b"K", message, hashlib.sha256).hexdigest()


def test_entry_headers_copy_the_clients_but_never_its_key() -> None:
    client = {"x-session": "s1", "authorization": "Bearer client"}
    headers = {
        "X-Plain": "v",
        "X-Copied": "$X-Session",
        "X-Gone": "$x-nothing",
        "X-Key": "$Authorization",
        "X-Dollar": "$",
    }

    assert entry_headers(headers, client) == {"x-plain": "v", "x-copied": "s1", "x-dollar": "$"}


def test_credential_headers_are_lower_case() -> None:
    assert all(name == name.lower() for name in CREDENTIAL_HEADERS)
