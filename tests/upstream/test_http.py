from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable

import attrs
import pytest
import trio
from trio.testing import wait_all_tasks_blocked

from tests.support.raw_server import RawConnection, RawRequest, chunked, raw_server, refusing_port
from tests.support.tls import client_context, server_context
from tests.support.upstreams import RecordedProgress
from trioproxy.errors import ErrorKind, ProxyFault, UpstreamFault
from trioproxy.upstream.base import UpstreamRequest, UpstreamResponse
from trioproxy.upstream.dial import Dialer
from trioproxy.upstream.http import HttpUpstream
from trioproxy.upstream.pool import OriginStatistics

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def asking(
    url: str,
    *,
    method: str = "POST",
    headers: tuple[tuple[bytes, bytes], ...] = (),
    body: bytes = b"{}",
    proxy_url: str | None = None,
    max_connections: int = 1000,
    keep_alive_connections: int = 32,
) -> UpstreamRequest:
    return UpstreamRequest(
        method=method,
        url=url,
        headers=headers,
        body=body,
        proxy_url=proxy_url,
        max_connections=max_connections,
        keep_alive_connections=keep_alive_connections,
    )


async def read_all(response: UpstreamResponse) -> bytes:
    received = b""
    while piece := await response.receive_some():
        received += piece
    return received


async def fetch(upstream: HttpUpstream, request: UpstreamRequest) -> bytes:
    response = await upstream.open(request, RecordedProgress())
    try:
        return await read_all(response)
    finally:
        await response.aclose()


@pytest.fixture
async def upstream() -> AsyncIterator[HttpUpstream]:
    """One that trusts the test's servers; no exchange may be under way when the test ends."""
    upstream = HttpUpstream(ssl_context=client_context)
    yield upstream
    assert all(each.active == each.waiting == 0 for each in upstream.statistics().values())
    upstream.close()


def answering(*answers: bytes) -> Callable[[RawConnection], Awaitable[None]]:
    """Answers each request of a connection with the next of ``answers``, then hangs up."""

    async def answer(connection: RawConnection) -> None:
        for each in answers:
            if await connection.read_request() is None:
                return
            await connection.send(each)

    return answer


async def always_ok(connection: RawConnection) -> None:
    while await connection.read_request():
        await connection.send(OK)


@attrs.define(eq=False)
class Listener:
    """Keeps the requests that came."""

    requests: list[RawRequest] = attrs.field(factory=list)

    async def answer(self, connection: RawConnection) -> None:
        while request := await connection.read_request():
            self.requests.append(request)
            await connection.send(OK)


# -- what goes out


async def test_a_request_carries_its_headers_in_order_and_its_own_framing(upstream: HttpUpstream) -> None:
    listener = Listener()
    async with raw_server(listener.answer) as server:
        headers = (
            (b"x-api-key", b"k"),
            (b"x-a", b"1"),
            (b"host", b"elsewhere"),
            (b"x-a", b"2"),
            (b"content-length", b"999"),
            (b"transfer-encoding", b"chunked"),
            (b"connection", b"close"),
            (b"proxy-authorization", b"Basic x"),
        )
        await fetch(upstream, asking(server.url + "/v1/messages?beta=true", headers=headers, body=b'{"a":1}'))

        (request,) = listener.requests
        assert request.method == "POST"
        assert request.target == b"/v1/messages?beta=true"
        assert request.headers == (
            (b"host", server.authority.encode()),
            (b"x-api-key", b"k"),
            (b"x-a", b"1"),
            (b"x-a", b"2"),
            (b"content-length", b"7"),
        )
        assert request.body == b'{"a":1}'


@pytest.mark.parametrize(
    ("method", "body", "length"),
    [("GET", b"", None), ("DELETE", b"", None), ("POST", b"", b"0"), ("PUT", b"", b"0"), ("GET", b"x", b"1")],
)
async def test_a_length_is_named_where_a_body_could_be(
    upstream: HttpUpstream, method: str, body: bytes, length: bytes | None
) -> None:
    listener = Listener()
    async with raw_server(listener.answer) as server:
        await fetch(upstream, asking(server.url, method=method, body=body))

    assert listener.requests[0].header(b"content-length") == length


async def test_a_large_body_arrives_whole(upstream: HttpUpstream) -> None:
    listener = Listener()
    body = bytes(range(256)) * 20_000
    async with raw_server(listener.answer) as server:
        assert await fetch(upstream, asking(server.url, body=body)) == b"ok"

    assert listener.requests[0].body == body


async def test_a_header_that_would_smuggle_is_refused_before_any_connection(upstream: HttpUpstream) -> None:
    async with raw_server(always_ok) as server:
        with pytest.raises(ProxyFault) as caught:
            await fetch(upstream, asking(server.url, headers=((b"x-key", b"secret\r\nx: 1"),)))

        assert server.accepted == 0
    assert caught.value.failure.kind is ErrorKind.MISCONFIGURED
    assert "x-key" in caught.value.failure.message
    assert "secret" not in caught.value.failure.message


async def test_a_url_that_leads_nowhere_is_a_fault_of_the_configuration(upstream: HttpUpstream) -> None:
    with pytest.raises(ProxyFault, match="base URL"):
        await fetch(upstream, asking("ftp://h/"))


# -- what comes in


async def test_what_came_with_the_head_is_there_without_waiting(upstream: HttpUpstream) -> None:
    body = chunked(b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n")
    async with raw_server(answering(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + body)) as server:
        response = await upstream.open(asking(server.url), RecordedProgress())
        with trio.CancelScope() as scope:
            scope.cancel()
            first = await response.receive_some()

        assert first == b"data: 1\n\ndata: 2\n\ndata: 3\n\n"
        assert await response.receive_some() == b""


async def test_framing_without_payload_is_waited_over(upstream: HttpUpstream) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        await wait_all_tasks_blocked()
        await connection.send(b"5\r")
        await wait_all_tasks_blocked()
        await connection.send(b"\nhello\r\n0\r\n\r\n")

    async with raw_server(answer) as server:
        response = await upstream.open(asking(server.url), RecordedProgress())

        assert await response.receive_some() == b"hello"
        assert await response.receive_some() == b""


async def test_interim_answers_are_skipped(upstream: HttpUpstream) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n"
    async with raw_server(answering(interim + OK)) as server:
        assert await fetch(upstream, asking(server.url)) == b"ok"


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not begin like HTTP"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1, 2\r\n\r\n", "content-length is not one number"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", "a chunk has no size"),
    ],
)
async def test_an_answer_that_is_no_http_is_malformed(upstream: HttpUpstream, raw: bytes, reason: str) -> None:
    async with raw_server(answering(raw)) as server:
        with pytest.raises(UpstreamFault) as caught:
            await fetch(upstream, asking(server.url))

        assert caught.value.failure.kind is ErrorKind.MALFORMED
        assert caught.value.failure.message == (
            f"the answer of {server.authority} is not HTTP: {caught.value.__cause__}"
        )
        assert reason in caught.value.failure.message
        assert upstream.statistics() == {}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"content-length: 10\r\n\r\nabcd", "broke off after 4 bytes: the connection was closed and 6 of 10 bytes are missing"),
        (b"transfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n", "after 4 bytes: the connection was closed and its last chunk is missing"),
        (b"transfer-encoding: chunked\r\n\r\n", "broke off after 0 bytes"),
    ],
)  # fmt: skip
async def test_a_cut_answer_says_how_far_it_came(upstream: HttpUpstream, raw: bytes, message: str) -> None:
    async with raw_server(answering(b"HTTP/1.1 200 OK\r\n" + raw)) as server:
        with pytest.raises(UpstreamFault) as caught:
            await fetch(upstream, asking(server.url))

        assert caught.value.failure.kind is ErrorKind.TRUNCATED
        assert f"the answer of {server.authority}" in caught.value.failure.message
        assert message in caught.value.failure.message


async def test_a_reset_in_the_middle_is_told_as_one(upstream: HttpUpstream) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n")
        await wait_all_tasks_blocked()
        connection.reset()

    async with raw_server(answer) as server:
        with pytest.raises(UpstreamFault, match="after 4 bytes: connection reset by peer") as caught:
            await fetch(upstream, asking(server.url))

    assert caught.value.failure.kind is ErrorKind.TRUNCATED


async def test_broken_framing_in_the_middle_is_told_as_such(upstream: HttpUpstream) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n")
        await wait_all_tasks_blocked()
        await connection.send(b"zz\r\n")
        await connection.wait_gone()

    async with raw_server(answer) as server:
        with pytest.raises(UpstreamFault, match="after 4 bytes: a chunk has no size"):
            await fetch(upstream, asking(server.url))
        await server.wait_open(0)


async def test_a_server_that_answers_before_it_has_read_everything_is_heard(upstream: HttpUpstream) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.receive_exactly(10)
        await connection.send(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig")
        await connection.transport.send_eof()
        await connection.wait_gone()

    async with raw_server(answer) as server:
        response = await upstream.open(asking(server.url, body=b"x" * 3_000_000), RecordedProgress())

        assert response.status == 413
        assert await read_all(response) == b"big"


async def test_an_answer_counts_though_the_request_could_not_be_sent_whole(
    upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    @attrs.define(eq=False)
    class Deaf:
        """A connection whose far side has answered and stopped reading."""

        closed: bool = False

        async def receive(self) -> bytes:
            return b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig"

        async def send_all(self, data: bytes) -> None:
            raise BrokenPipeError(32, "Broken pipe")

        def send_nowait(self, data: bytes) -> None:
            raise AssertionError("nothing is said any more")

        def close(self) -> None:
            self.closed = True

        def is_dead(self) -> bool:
            return self.closed

    deaf = Deaf()

    async def dial(*_: object) -> Deaf:
        return deaf

    monkeypatch.setattr(Dialer, "dial", dial)
    response = await upstream.open(asking("http://h/"), RecordedProgress())

    assert response.status == 413
    assert await read_all(response) == b"big"
    assert deaf.closed


# -- the way there


async def test_nobody_listening_is_told_with_host_port_and_reason(upstream: HttpUpstream) -> None:
    port = refusing_port()

    with pytest.raises(UpstreamFault) as caught:
        await fetch(upstream, asking(f"http://127.0.0.1:{port}/"))

    assert caught.value.failure.kind is ErrorKind.UNREACHABLE
    assert caught.value.failure.message == f"can't connect to 127.0.0.1:{port}: connection refused"


async def test_a_name_that_does_not_resolve_is_told(upstream: HttpUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    async def nobody(*args: object, **kwargs: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(trio.socket, "getaddrinfo", nobody)
    with pytest.raises(UpstreamFault) as caught:
        await fetch(upstream, asking("http://no.such.host/"))

    assert caught.value.failure.message == "can't connect to no.such.host:80: name or service not known"


async def test_a_fresh_connection_that_ends_without_an_answer_is_unreachable(upstream: HttpUpstream) -> None:
    async with raw_server(answering(b"")) as server:
        with pytest.raises(UpstreamFault) as caught:
            await fetch(upstream, asking(server.url))

        assert caught.value.failure.kind is ErrorKind.UNREACHABLE
        assert caught.value.failure.message == (
            f"no answer from {server.authority}: the server closed the connection without an answer"
        )
        assert server.accepted == 1


async def test_tls_reaches_who_it_should(upstream: HttpUpstream) -> None:
    async with raw_server(always_ok, ssl_context=server_context()) as server:
        assert await fetch(upstream, asking(server.url)) == b"ok"
        assert await fetch(upstream, asking(server.url)) == b"ok"

        assert server.accepted == 1
        upstream.close()
        await server.wait_open(0)


async def test_a_certificate_that_is_not_trusted_is_told_in_words() -> None:
    async with raw_server(always_ok, ssl_context=server_context()) as server:
        with pytest.raises(UpstreamFault) as caught:
            await fetch(HttpUpstream(ssl_context=ssl.create_default_context), asking(server.url))

        assert caught.value.failure.kind is ErrorKind.UNREACHABLE
        assert caught.value.failure.message == (
            f"can't set up TLS with localhost:{server.port}: its certificate is not trusted (self-signed certificate); "
            "SSL_CERT_FILE names a file of authorities to trust instead of the system's"
        )


async def test_clear_text_where_tls_was_expected_is_told(upstream: HttpUpstream) -> None:
    async with raw_server(lambda connection: connection.send(OK)) as server:
        with pytest.raises(UpstreamFault, match=f"can't set up TLS with 127.0.0.1:{server.port}: TLS failed"):
            await fetch(upstream, asking(server.url.replace("http", "https")))


async def test_without_a_say_the_system_decides_whom_to_trust() -> None:
    async with raw_server(always_ok, ssl_context=server_context()) as server:
        with pytest.raises(UpstreamFault, match="its certificate is not trusted"):
            await fetch(HttpUpstream(), asking(server.url))


# -- keeping and repeating


async def test_a_connection_serves_again_after_a_whole_answer(upstream: HttpUpstream) -> None:
    async with raw_server(always_ok) as server:
        for _ in range(3):
            assert await fetch(upstream, asking(server.url)) == b"ok"

        assert server.accepted == 1
        assert upstream.statistics() == {server.url: OriginStatistics(idle=1, active=0, waiting=0)}
        upstream.close()
        assert upstream.statistics() == {}
        await server.wait_open(0)


async def test_the_slot_is_free_as_soon_as_the_body_is_whole(upstream: HttpUpstream) -> None:
    async with raw_server(always_ok) as server:
        response = await upstream.open(asking(server.url), RecordedProgress())

        # Head and body came in one piece; nobody has read or closed yet.
        assert upstream.statistics()[server.url] == OriginStatistics(idle=1, active=0, waiting=0)
        assert await read_all(response) == b"ok"


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\nsurprise",
    ],
)
async def test_a_connection_that_is_not_fit_is_closed(upstream: HttpUpstream, answer: bytes) -> None:
    async def serve(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(answer)
        await connection.wait_gone()

    async with raw_server(serve) as server:
        await fetch(upstream, asking(server.url))

        assert upstream.statistics() == {}
        await server.wait_open(0)


async def test_no_connection_is_kept_where_none_may_be(upstream: HttpUpstream) -> None:
    async with raw_server(always_ok) as server:
        await fetch(upstream, asking(server.url, keep_alive_connections=0))

        assert upstream.statistics() == {}
        await server.wait_open(0)


async def test_a_warm_connection_that_the_server_closed_is_not_used(upstream: HttpUpstream) -> None:
    async with raw_server(answering(OK)) as server:
        assert await fetch(upstream, asking(server.url)) == b"ok"
        await server.wait_open(0)

        assert await fetch(upstream, asking(server.url)) == b"ok"

        assert server.accepted == 2


@pytest.mark.parametrize("end", ["close", "reset"])
async def test_a_warm_connection_that_dies_under_a_request_is_repeated_once_on_a_fresh_one(
    upstream: HttpUpstream, end: str
) -> None:
    bodies: list[bytes] = []

    async def answer(connection: RawConnection) -> None:
        while request := await connection.read_request():
            bodies.append(request.body)
            if connection.requests == 2:  # the request crosses the close
                if end == "reset":
                    connection.reset()
                return
            await connection.send(OK)

    async with raw_server(answer) as server:
        assert await fetch(upstream, asking(server.url, body=b"1")) == b"ok"
        progress = RecordedProgress()
        response = await upstream.open(asking(server.url, body=b"2"), progress)
        assert await read_all(response) == b"ok"

        assert bodies == [b"1", b"2", b"2"]
        assert server.accepted == 2
        assert progress.sent == 1


async def test_a_request_is_never_repeated_once_a_byte_of_the_answer_came(upstream: HttpUpstream) -> None:
    async def answer(connection: RawConnection) -> None:
        await connection.read_request()
        await connection.send(OK)
        await connection.read_request()
        await connection.send(b"H")

    async with raw_server(answer) as server:
        await fetch(upstream, asking(server.url))

        with pytest.raises(UpstreamFault, match="no answer from"):
            await fetch(upstream, asking(server.url))

        assert server.accepted == 1
        assert upstream.statistics() == {}


async def test_a_repeated_request_fails_like_a_first_one(upstream: HttpUpstream) -> None:
    async def answer(connection: RawConnection) -> None:
        if connection.number == 1:
            await connection.read_request()
            await connection.send(OK)
        await connection.read_request()

    async with raw_server(answer) as server:
        await fetch(upstream, asking(server.url))

        with pytest.raises(UpstreamFault, match="without an answer"):
            await fetch(upstream, asking(server.url))

        assert server.accepted == 2
        assert upstream.statistics() == {}


async def test_no_more_connections_than_allowed_and_the_others_wait(
    upstream: HttpUpstream, nursery: trio.Nursery
) -> None:
    release = trio.Event()

    async def answer(connection: RawConnection) -> None:
        while await connection.read_request():
            await release.wait()
            await connection.send(OK)

    async with raw_server(answer) as server:
        async with trio.open_nursery() as workers:
            for _ in range(10):
                workers.start_soon(fetch, upstream, asking(server.url, max_connections=3))
            await server.wait_open(3)
            await wait_all_tasks_blocked()
            assert upstream.statistics() == {server.url: OriginStatistics(idle=0, active=3, waiting=7)}
            release.set()

        assert server.accepted == 3
        assert upstream.statistics() == {server.url: OriginStatistics(idle=3, active=0, waiting=0)}


async def test_idle_connections_age_out() -> None:
    upstream = HttpUpstream(idle_seconds=0)
    async with raw_server(always_ok) as server:
        await fetch(upstream, asking(server.url))
        upstream.close_expired()

        assert upstream.statistics() == {}
        await server.wait_open(0)


# -- proxies


async def test_clear_text_goes_through_an_http_proxy_by_its_whole_url(upstream: HttpUpstream) -> None:
    listener = Listener()
    async with raw_server(listener.answer) as proxy:
        proxy_url = proxy.url.replace("://", "://user:p%40ss@")
        body = await fetch(upstream, asking("http://provider.test:81/v1/x?y=1", proxy_url=proxy_url))

        assert body == b"ok"
        (request,) = listener.requests
        assert request.target == b"http://provider.test:81/v1/x?y=1"
        assert request.header(b"host") == b"provider.test:81"
        assert request.header(b"proxy-authorization") == b"Basic dXNlcjpwQHNz"
        assert upstream.statistics() == {
            f"http://provider.test:81 via {proxy.authority}": OriginStatistics(idle=1, active=0, waiting=0)
        }
        upstream.close()


async def test_the_same_origin_by_another_way_has_its_own_connections(upstream: HttpUpstream) -> None:
    async with raw_server(always_ok) as server, raw_server(always_ok) as proxy:
        await fetch(upstream, asking(server.url))
        await fetch(upstream, asking(server.url, proxy_url=proxy.url))

        assert (server.accepted, proxy.accepted) == (1, 1)
