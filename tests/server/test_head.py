"""Request heads: what they mean, and every spelling that is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chunking import cut, whole_and_bytewise
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.server.head import HeadMemory, HeadScanner, ParsedHead, parse_head
from trioproxy.server.limits import ServerLimits

LIMITS = ServerLimits(head=4096, head_fields=20)


def head(*lines: str) -> bytes:
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def parse(raw: bytes) -> ParsedHead:
    return parse_head(raw, limits=LIMITS, peer="127.0.0.1:1", scheme="http")


def scan(pieces: list[bytes]) -> tuple[bytes | None, bytes]:
    scanner = HeadScanner(LIMITS)
    arrived = bytearray()
    found: bytes | None = None
    for piece in pieces:
        arrived += piece
        if found is None:
            found = scanner.take(arrived)
    return found, bytes(arrived)


SIMPLE = head("GET / HTTP/1.1", "Host: a")


class TestScanning:
    @pytest.mark.parametrize("before", [b"", b"\r\n"], ids=["nothing", "an empty line"])
    def test_a_head_ends_at_its_blank_line(self, before: bytes) -> None:
        for pieces in whole_and_bytewise(before + SIMPLE + b"body\r\n\r\n"):
            assert scan(pieces) == (SIMPLE, b"body\r\n\r\n")

    def test_heads_follow_one_another(self) -> None:
        scanner = HeadScanner(LIMITS)
        arrived = bytearray(SIMPLE + b"\r\n" + SIMPLE + SIMPLE[:-1])
        assert scanner.take(arrived) == SIMPLE
        assert scanner.take(arrived) == SIMPLE
        assert scanner.take(arrived) is None
        arrived += b"\n"
        assert scanner.take(arrived) == SIMPLE
        assert scanner.take(arrived) is None

    @pytest.mark.parametrize("size", [4096, 4097, 100_000])
    @pytest.mark.parametrize("step", [0, 1000])
    def test_the_limit_is_exact(self, size: int, step: int) -> None:
        raw = head("GET / HTTP/1.1", "x: " + "y" * (size - 23))
        assert len(raw) == size
        if size <= 4096:
            assert scan(cut(raw, step)) == (raw, b"")
        else:
            with pytest.raises(ClientFault, match="larger than 4096") as caught:
                scan(cut(raw, step))
            assert caught.value.failure.kind is ErrorKind.HEAD_TOO_LARGE

    @pytest.mark.parametrize(
        "raw",
        [
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b" GET / HTTP/1.1\r\n",
            b"\nGET / HTTP/1.1\r\n",
            b"\r\n\r\nGET / HTTP/1.1\r\n",
            b"\rGET / HTTP/1.1\r\n",
            b"\0",
            b"GET / HTTP/1.1\nHost: a\n\n",
            b"GET / HTTP/1.1\r\nHost: a\nx: y",
            b"hello\r\n",
            b"GET /\r\n",
            b"GET  / HTTP/1.1\r\n",
            b"GET /\xff HTTP/1.1\r\n",
            b"GET / HTTP/1.1 \r\n",
            b"PRI * HTTP/2.0\r\n",
        ],
        ids=repr,
    )
    def test_what_can_not_become_a_head_is_refused_before_it_ends(self, raw: bytes) -> None:
        for step in (0, 1, 3):
            with pytest.raises(ClientFault) as caught:
                scan(cut(raw, step))
            assert caught.value.failure.kind is ErrorKind.INVALID_REQUEST

    @given(st.binary(max_size=80), st.integers(1, 9))
    def test_any_bytes_are_a_head_or_refused_or_wait(self, data: bytes, step: int) -> None:
        def outcome(pieces: list[bytes]) -> object:
            try:
                found, rest = scan(pieces)
                return parse(found) if found is not None else rest
            except ClientFault as exc:
                return exc.failure.http_status

        # Garbage may be refused at its beginning or at its end; what is taken is the same.
        whole, pieces = outcome([data]), outcome(cut(data, step))
        assert whole == pieces or {type(whole), type(pieces)} == {int}


class TestMeaning:
    def test_the_values_of_a_head(self) -> None:
        parsed = parse(
            head(
                "POST /v1/messages?beta=true HTTP/1.1",
                "Host: a:80",
                "X-Key:  v\t1 ",
                "x-key: v2",
                "Empty:",
                "Content-Length: 12",
            )
        )
        assert parsed.request.method == "POST"
        assert parsed.request.target == "/v1/messages?beta=true"
        assert parsed.request.headers == (
            (b"host", b"a:80"),
            (b"x-key", b"v\t1"),
            (b"x-key", b"v2"),
            (b"empty", b""),
            (b"content-length", b"12"),
        )
        assert all(type(each) is bytes for field in parsed.request.headers for each in field)
        assert (parsed.request.peer, parsed.request.scheme, parsed.request.version) == ("127.0.0.1:1", "http", "1.1")
        assert parsed.length == 12
        assert parsed.keep_alive
        assert not parsed.expects_continue
        assert parsed.upgrade is None

    def test_bytes_beyond_ascii_stand_in_values(self) -> None:
        assert parse(head("GET / HTTP/1.1", "Host: a", "x: \xff\xe9")).request.header(b"x") == b"\xff\xe9"

    @pytest.mark.parametrize(
        ("lines", "keep_alive"),
        [
            (["GET / HTTP/1.1", "Host: a"], True),
            (["GET / HTTP/1.1", "Host: a", "Connection: keep-alive"], True),
            (["GET / HTTP/1.1", "Host: a", "Connection: Close"], False),
            (["GET / HTTP/1.1", "Host: a", "Connection: x", "Connection: y , close"], False),
            (["GET / HTTP/1.0"], False),
            (["GET / HTTP/1.0", "Connection: keep-alive"], False),
        ],
    )
    def test_who_may_ask_again(self, lines: list[str], keep_alive: bool) -> None:
        assert parse(head(*lines)).keep_alive is keep_alive

    @pytest.mark.parametrize(
        ("lines", "length"),
        [
            (["GET / HTTP/1.1", "Host: a"], 0),
            (["POST / HTTP/1.1", "Host: a", "content-LENGTH:007"], 7),
            (["POST / HTTP/1.1", "Host: a", "Content-Length: 0"], 0),
            (["POST / HTTP/1.1", "Host: a", "X-Content-Length: 3,4"], 0),
            (["POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked"], None),
            (["POST / HTTP/1.1", "Host: a", "transfer-encoding: Chunked"], None),
        ],
    )
    def test_how_long_a_body_is(self, lines: list[str], length: int | None) -> None:
        assert parse(head(*lines)).length == length

    @pytest.mark.parametrize(
        ("lines", "expects"),
        [
            (["POST / HTTP/1.1", "Host: a", "Expect: 100-Continue", "Content-Length: 5"], True),
            (["POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Transfer-Encoding: chunked"], True),
            (["POST / HTTP/1.1", "Host: a", "Expect: 100-continue", "Content-Length: 0"], False),
            (["POST / HTTP/1.1", "Host: a", "Expect: 100-continue"], False),
            (["POST / HTTP/1.0", "Expect: 100-continue", "Content-Length: 5"], False),
            (["POST / HTTP/1.0", "Expect: the-unexpected", "Content-Length: 5"], False),
        ],
    )
    def test_who_waits_for_a_continue(self, lines: list[str], expects: bool) -> None:
        assert parse(head(*lines)).expects_continue is expects

    @pytest.mark.parametrize(
        ("lines", "upgrade"),
        [
            (["GET / HTTP/1.1", "Host: a", "Upgrade: websocket", "Connection: Upgrade"], b"websocket"),
            (["GET / HTTP/1.1", "Host: a", "Upgrade: h2c", "Connection: HTTP2-Settings, upgrade"], b"h2c"),
            (["GET / HTTP/1.1", "Host: a", "Upgrade: websocket"], None),
            (["GET / HTTP/1.0", "Host: a", "Upgrade: websocket", "Connection: Upgrade"], None),
        ],
    )
    def test_who_wants_to_speak_something_else(self, lines: list[str], upgrade: bytes | None) -> None:
        assert parse(head(*lines)).upgrade == upgrade

    @pytest.mark.parametrize(
        ("line", "target", "host"),
        [
            ("GET /a/b?c=d%20e HTTP/1.1", "/a/b?c=d%20e", b"a"),
            ("GET // HTTP/1.1", "//", b"a"),
            ("OPTIONS * HTTP/1.1", "*", b"a"),
            ("GET http://b.example:80/x?y HTTP/1.1", "/x?y", b"b.example:80"),
            ("GET HTTPS://b.example HTTP/1.1", "/", b"b.example"),
            ("GET http://[::1]:80?y HTTP/1.1", "/?y", b"[::1]:80"),
        ],
    )
    def test_targets_become_path_and_query(self, line: str, target: str, host: bytes) -> None:
        request = parse(head(line, "x: y", "Host: a")).request
        assert request.target == target
        assert request.header(b"host") == host
        assert [name for name, _ in request.headers].count(b"host") == 1

    @pytest.mark.parametrize("host", ["", "a", "a.b:8317", "127.0.0.1:80", "[::1]", "[::ffff:1.2.3.4]:80", "a_b%20c"])
    def test_hosts(self, host: str) -> None:
        assert parse(head("GET / HTTP/1.1", f"Host: {host}")).request.header(b"host") == host.encode()


REFUSED = {
    "no Host": (400, "Host", head("GET / HTTP/1.1")),
    "two Hosts": (400, "Host", head("GET / HTTP/1.1", "Host: a", "Host: a")),
    "two Hosts in 1.0": (400, "Host", head("GET / HTTP/1.0", "Host: a", "Host: b")),
    "Host with a path": (400, "Host", head("GET / HTTP/1.1", "Host: a/b")),
    "Host with a user": (400, "Host", head("GET / HTTP/1.1", "Host: u@a")),
    "Host list": (400, "Host", head("GET / HTTP/1.1", "Host: a, b")),
    "length and chunks": (
        400,
        "both",
        head("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Transfer-Encoding: chunked"),
    ),
    "chunks and length": (
        400,
        "both",
        head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Content-Length: 3"),
    ),
    "two lengths": (
        400,
        "Content-Length",
        head("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "Content-Length: 4"),
    ),
    "the same length twice": (
        400,
        "Content-Length",
        head("POST / HTTP/1.1", "Host: a", "Content-Length: 3", "content-length: 3"),
    ),
    "a list of lengths": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length: 3, 3")),
    "a signed length": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length: +3")),
    "a negative length": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length: -3")),
    "a hexadecimal length": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length: 0x3")),
    "an empty length": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length:")),
    "a length with a blank": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length: 1 2")),
    "an enormous length": (400, "Content-Length", head("POST / HTTP/1.1", "Host: a", "Content-Length: " + "9" * 19)),
    "unknown coding": (400, "chunked", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip")),
    "coding before chunked": (400, "chunked", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: gzip, chunked")),
    "chunked twice": (400, "chunked", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked, chunked")),
    "two codings": (
        400,
        "Transfer-Encoding",
        head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: chunked", "Transfer-Encoding: x"),
    ),
    "identity": (400, "chunked", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: identity")),
    "almost chunked": (400, "chunked", head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: xchunked")),
    "chunked with a tab character": (
        400,
        "control",
        head("POST / HTTP/1.1", "Host: a", "Transfer-Encoding: \x0bchunked"),
    ),
    "chunks in 1.0": (400, "HTTP/1.0", head("POST / HTTP/1.0", "Transfer-Encoding: chunked")),
    "bare LF": (400, "LF", b"GET / HTTP/1.1\r\nHost: a\nx: y\r\n\r\n"),
    "bare LF at the end": (400, "LF", b"GET / HTTP/1.1\r\nHost: a\r\nx: y\n\r\n\r\n"),
    "bare CR": (400, "control", b"GET / HTTP/1.1\r\nHost: a\rx: y\r\n\r\n"),
    "folded": (400, "folded", b"GET / HTTP/1.1\r\nHost: a\r\nx: y\r\n z\r\n\r\n"),
    "folded with a tab": (400, "folded", b"GET / HTTP/1.1\r\n\tHost: a\r\n\r\n"),
    "blank before the colon": (400, "blank before", head("GET / HTTP/1.1", "Host: a", "Content-Length : 3")),
    "NUL": (400, "control", head("GET / HTTP/1.1", "Host: a", "x: y\0z")),
    "DEL": (400, "control", head("GET / HTTP/1.1", "Host: a", "x: y\x7fz")),
    "control character": (400, "control", head("GET / HTTP/1.1", "Host: a", "x: y\x01z")),
    "no colon": (400, "name: value", head("GET / HTTP/1.1", "Host: a", "nonsense")),
    "no name": (400, "name: value", head("GET / HTTP/1.1", "Host: a", ": y")),
    "a name with a blank": (400, "name: value", head("GET / HTTP/1.1", "Host: a", "x y: z")),
    "a name beyond ASCII": (400, "name: value", head("GET / HTTP/1.1", "Host: a", "x\xe9: z")),
    "no target": (400, "request line", head("GET HTTP/1.1", "Host: a")),
    "a blank in the target": (400, "request line", head("GET /a b HTTP/1.1", "Host: a")),
    "a target beyond ASCII": (400, "request line", head("GET /\xe9 HTTP/1.1", "Host: a")),
    "a method that is no token": (400, "request line", head("G(T / HTTP/1.1", "Host: a")),
    "a fragment": (400, "fragment", head("GET /a#b HTTP/1.1", "Host: a")),
    "a star": (400, "target", head("GET * HTTP/1.1", "Host: a")),
    "a relative target": (400, "target", head("GET a/b HTTP/1.1", "Host: a")),
    "another scheme": (400, "target", head("GET ftp://a/b HTTP/1.1", "Host: a")),
    "a user in the target": (400, "target", head("GET http://u@a/b HTTP/1.1", "Host: a")),
    "no host in the target": (400, "target", head("GET http:///b HTTP/1.1", "Host: a")),
    "CONNECT": (405, "CONNECT", head("CONNECT a:443 HTTP/1.1", "Host: a")),
    "HTTP/2": (505, "HTTP/1.1", head("GET / HTTP/2.0", "Host: a")),
    "HTTP/3": (505, "HTTP/1.1", head("GET / HTTP/3", "Host: a")),
    "HTTP/1.2": (505, "HTTP/1.1", head("GET / HTTP/1.2", "Host: a")),
    "no version": (400, "request line", head("GET /", "Host: a")),
    "a lower-case version": (400, "request line", head("GET / http/1.1", "Host: a")),
    "unmet expectation": (
        417,
        "expectation",
        head("POST / HTTP/1.1", "Host: a", "Expect: the-unexpected", "Content-Length: 1"),
    ),
    "too many headers": (431, "more than 20", head("GET / HTTP/1.1", "Host: a", *["x: y"] * 20)),
}


@pytest.mark.parametrize(("status", "message", "raw"), REFUSED.values(), ids=REFUSED)
def test_refused(status: int, message: str, raw: bytes) -> None:
    with pytest.raises(ClientFault, match=message) as caught:
        parse(raw)
    assert caught.value.failure.http_status == status


def test_as_many_headers_as_are_allowed() -> None:
    assert len(parse(head("GET / HTTP/1.1", "Host: a", *["x: y"] * 19)).request.headers) == 20


NAMES = st.sampled_from(
    ["Host", "x", "Content-Length", "Transfer-Encoding", "Connection", "Expect", "secret-name", " x", "x "]
)
VALUES = st.one_of(
    st.sampled_from(["a", "3", "3,3", "chunked", "close", "secret-value"]),
    st.text(st.characters(max_codepoint=255), max_size=8),
)


@given(
    st.lists(st.tuples(NAMES, VALUES), max_size=5),
    st.sampled_from(["GET / HTTP/1.1", "POST /secret-path HTTP/1.0", "A B C"]),
)
def test_any_head_is_parsed_or_refused_without_quoting_it(fields: list[tuple[str, str]], line: str) -> None:
    raw = head(line, *[f"{name}: {value}" for name, value in fields])
    raw = raw[: raw.index(b"\r\n\r\n") + 4]
    message = ""
    try:
        parsed = parse(raw)
    except ClientFault as exc:
        message = exc.failure.message
    else:
        assert [name for name, _ in parsed.request.headers] == [name.lower().encode() for name, _ in fields]
    assert "secret" not in message
    assert "b'" not in message


class TestMemory:
    @staticmethod
    def parse(memory: HeadMemory, raw: bytes) -> ParsedHead:
        return memory.parse(raw, limits=LIMITS, peer="127.0.0.1:1", scheme="http")

    @staticmethod
    def asking(length: str, *more: str) -> bytes:
        return head("POST /v1/messages HTTP/1.1", "Host: a", f"Content-Length: {length}", *more)

    def test_what_is_remembered_is_what_would_have_been_parsed(self) -> None:
        memory = HeadMemory()
        heads = [
            *(self.asking(length) for length in ("1", "1", "20", "20", "0", "20", "007", "3")),
            self.asking("3", "Expect: 100-continue"),
            self.asking("0", "Expect: 100-continue"),
            SIMPLE,
            SIMPLE,
            self.asking("5", "x: content-length: 7"),
            self.asking("6", "x: content-length: 7"),
        ]
        for raw in heads:
            assert self.parse(memory, raw) == parse(raw)

    def test_the_same_head_is_parsed_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        memory = HeadMemory()
        first = self.parse(memory, self.asking("12"))
        monkeypatch.setattr("trioproxy.server.head.parse_head", None)
        assert self.parse(memory, self.asking("12")) is first
        assert self.parse(memory, self.asking("3456")).length == 3456

    @pytest.mark.parametrize("fault", ["Content-Length: 7", "Transfer-Encoding: chunked", "x y: z", "Host: b"])
    def test_a_head_that_is_refused_is_refused_again(self, fault: str) -> None:
        memory = HeadMemory()
        self.parse(memory, self.asking("7"))
        for length in ("7", "8"):
            with pytest.raises(ClientFault):
                self.parse(memory, self.asking(length, fault))
        assert self.parse(memory, self.asking("9")) == parse(self.asking("9"))

    @given(
        st.lists(st.text("0123456789 \t,", max_size=4), min_size=2, max_size=4),
        st.sampled_from([": ", ":", ":  ", ":\t"]),
    )
    def test_no_spelling_of_the_length_is_taken_for_another(self, lengths: list[str], colon: str) -> None:
        memory = HeadMemory()
        for length in lengths:
            raw = head("POST / HTTP/1.1", "Host: a", f"Content-Length{colon}{length}")
            outcomes: list[object] = []
            for reading in (lambda raw: self.parse(memory, raw), parse):
                try:
                    outcomes.append(reading(raw))
                except ClientFault as fault:
                    outcomes.append(fault.failure)
            assert outcomes[0] == outcomes[1]
