from __future__ import annotations

import pytest

from trioproxy.errors import ErrorKind, ProxyFault
from trioproxy.upstream.origin import Origin, locate, read_proxy


@pytest.mark.parametrize(
    ("url", "origin", "target"),
    [
        ("https://api.example.com/v1/messages", Origin("https", "api.example.com", 443), b"/v1/messages"),
        ("http://127.0.0.1:8000", Origin("http", "127.0.0.1", 8000), b"/"),
        ("http://h?x=1", Origin("http", "h", 80), b"/?x=1"),
        ("HTTPS://API.Example.com:443/a?b=c&d=%20#part", Origin("https", "api.example.com", 443), b"/a?b=c&d=%20"),
        ("http://[::1]:9/x", Origin("http", "::1", 9), b"/x"),
        ("https://h/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse", Origin("https", "h", 443),
         b"/v1beta/models/gemini-2.5-flash:streamGenerateContent?alt=sse"),
        ("https://h/mödel name", Origin("https", "h", 443), b"/m%C3%B6del%20name"),
        ("https://bücher.example/", Origin("https", "xn--bcher-kva.example", 443), b"/"),
    ],
)  # fmt: skip
def test_a_url_is_an_origin_and_a_target(url: str, origin: Origin, target: bytes) -> None:
    assert locate(url) == (origin, target)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("api.example.com/v1", "begins with no scheme, expected one of http://, https://"),
        ("ftp://h/", "begins with ftp"),
        ("https:///v1", "no usable host"),
        ("https://h:99999/", "no usable host and port"),
        ("https://h:abc/", "no usable host and port"),
        ("https://[::1/", "is not a URL"),
        ("https://a b/", "no usable host"),
        ("https://" + "ü" * 80 + "/", "no usable host and port"),
    ],
)
def test_a_url_that_leads_nowhere_is_a_mistake_in_the_configuration(url: str, message: str) -> None:
    with pytest.raises(ProxyFault) as caught:
        locate(url)

    assert caught.value.failure.kind is ErrorKind.MISCONFIGURED
    assert message in caught.value.failure.message


def test_no_message_quotes_a_query() -> None:
    with pytest.raises(ProxyFault) as caught:
        locate("ftp://h/?key=sk-secret")

    assert "secret" not in caught.value.failure.message


@pytest.mark.parametrize(
    ("origin", "authority", "host_header"),
    [
        (Origin("https", "h", 443), "h:443", b"h"),
        (Origin("http", "h", 80), "h:80", b"h"),
        (Origin("https", "h", 80), "h:80", b"h:80"),
        (Origin("http", "::1", 80), "[::1]:80", b"[::1]"),
        (Origin("http", "::1", 8), "[::1]:8", b"[::1]:8"),
    ],
)
def test_how_an_origin_is_named(origin: Origin, authority: str, host_header: bytes) -> None:
    assert origin.authority == authority
    assert origin.host_header == host_header


@pytest.mark.parametrize(
    ("url", "origin", "username", "password"),
    [
        ("http://proxy", Origin("http", "proxy", 80), None, None),
        ("https://proxy:8443/", Origin("https", "proxy", 8443), None, None),
        ("socks5://us%40r:p%3Aw@proxy", Origin("socks5", "proxy", 1080), "us@r", "p:w"),
        ("socks5h://user@proxy:9", Origin("socks5h", "proxy", 9), "user", ""),
    ],
)
def test_a_proxy_url_may_carry_a_name_and_a_password(
    url: str, origin: Origin, username: str | None, password: str | None
) -> None:
    proxy = read_proxy(url)

    assert (proxy.origin, proxy.username, proxy.password) == (origin, username, password)


def test_a_proxy_shows_no_password() -> None:
    assert repr(read_proxy("http://user:hunter2@proxy:3128")) == "OutboundProxy(http://proxy:3128)"


def test_a_proxy_url_of_another_scheme_is_refused() -> None:
    with pytest.raises(ProxyFault, match="the proxy-url begins with socks4"):
        read_proxy("socks4://proxy")
