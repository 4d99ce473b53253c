from __future__ import annotations

from trioproxy.wire import headers


def test_a_request_loses_what_belongs_to_one_hop_and_the_clients_own_credentials() -> None:
    sent = (
        (b"host", b"here"),
        (b"authorization", b"Bearer client"),
        (b"x-api-key", b"client"),
        (b"x-goog-api-key", b"client"),
        (b"x-management-key", b"client"),
        (b"cookie", b"a=b"),
        (b"openai-organization", b"org-of-the-client"),
        (b"openai-project", b"p"),
        (b"chatgpt-account-id", b"a"),
        (b"x-goog-user-project", b"g"),
        (b"connection", b"keep-alive, X-Own-Hop"),
        (b"x-own-hop", b"1"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"3"),
        (b"content-encoding", b"gzip"),
        (b"accept-encoding", b"gzip"),
        (b"expect", b"100-continue"),
        (b"sec-fetch-mode", b"cors"),
        (b"x-trioproxy-fault", b"eof"),
        (b"user-agent", b"me/1"),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"x-stainless-os", b"Linux"),
    )

    assert headers.request(sent) == (
        (b"user-agent", b"me/1"),
        (b"anthropic-beta", b"a"),
        (b"anthropic-beta", b"b"),
        (b"x-stainless-os", b"Linux"),
    )


def test_a_response_keeps_vendor_headers_and_loses_cookies_and_banners() -> None:
    sent = (
        (b"content-type", b"text/event-stream"),
        (b"set-cookie", b"a=b"),
        (b"server", b"x"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"5"),
        (b"access-control-allow-origin", b"*"),
        (b"connection", b"x-hop"),
        (b"x-hop", b"1"),
        (b"x-ratelimit-remaining-tokens", b"9"),
        (b"openai-organization", b"o"),
    )

    assert headers.response(sent) == (
        (b"content-type", b"text/event-stream"),
        (b"x-ratelimit-remaining-tokens", b"9"),
        (b"openai-organization", b"o"),
    )


def test_an_error_keeps_what_helps_to_find_and_time_the_fault() -> None:
    kept = (
        (b"retry-after", b"7"),
        (b"x-request-id", b"a"),
        (b"request-id", b"b"),
        (b"x-ratelimit-reset-requests", b"1s"),
        (b"anthropic-ratelimit-unified-status", b"rejected"),
    )
    dropped = ((b"set-cookie", b"a=b"), (b"server", b"x"), (b"x-internal", b"1"))

    assert headers.error_response(kept + dropped) == kept


def test_header_is_the_first_value_or_none() -> None:
    assert headers.header([(b"a", b"1"), (b"a", b"2")], b"a") == b"1"
    assert headers.header([(b"a", b"1")], b"b") is None
