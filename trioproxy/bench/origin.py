"""The provider of a benchmark, as a process: ``python -m trioproxy.bench.origin``.

Knows: just enough HTTP to answer a proxy, and what a model's name asks for:

=============================  ================================================================================================
``bench-json``                 a completion
``bench-late-MILLISECONDS``    the same, so much later
``bench-paced-COUNT-PAUSE``    a stream of COUNT events, PAUSE microseconds apart, each with the time at which it was sent inside;
                               without a pause, as fast as they are taken
=============================  ================================================================================================

Refuses to know: what the rest of a request says. It must never be what is measured, so it is one loop over a selector and not a trio server.
``GET /streams`` says how many streams are open.
"""

from __future__ import annotations

import heapq
import re
import selectors
import socket
import sys
import time

from trioproxy.wire.jsoncodec import dumps

__all__ = ["MARK", "WORDS", "Origin", "listener"]

MARK = b"T="
"""Before a timestamp: 19 digits, nanoseconds of the machine's monotonic clock."""

WORDS = b"The quick brown fox"
"""What every completion says, several times."""

_ASKED = re.compile(rb'"bench-(json|late|paced)(?:-(\d+))?(?:-(\d+))?"')
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_STREAM_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_PAD = "x" * 120
_RECEIVE_BYTES = 256 * 1024
_GOLDEN = 0.618033988749895
_BURST = 64
"""Events written at once where there is no pause between them."""


def _json(document: bytes) -> bytes:
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
    return head % len(document) + document


def _completion() -> bytes:
    message = {"role": "assistant", "content": f"{WORDS.decode()} jumps over the lazy dog. " * 8}
    usage = {"prompt_tokens": 12, "completion_tokens": 80, "total_tokens": 92}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    document = {"id": "c", "object": "chat.completion", "created": 1, "model": "bench"}
    return _json(dumps({**document, "choices": [choice], "usage": usage}))


def _event(content: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": content}, "finish_reason": finish}
    document = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "bench"}
    return b"data: " + dumps({**document, "choices": [choice]}) + b"\n\n"


_COMPLETION = _completion()
_BEFORE, _, _AFTER = _event(f"T=@{_PAD}").partition(b"@")
_END = _event("", "stop") + b"data: [DONE]\n\n"
_SIZE = len(_BEFORE) + 19 + len(_AFTER)
_CHUNK = b"%x\r\n%b%%019d%b\r\n" % (_SIZE, _BEFORE, _AFTER)
_LAST = b"%x\r\n%b\r\n0\r\n\r\n" % (len(_END), _END)


class _Caller:
    """One connection. ``left`` events of its stream are to come, one each ``pause`` seconds."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.inbox = bytearray()
        self.outbox = b""
        self.blocked = False
        self.left = 0
        self.pause = 0.0
        self.streaming = False
        self.closed = False


class Origin:
    """Answers whoever connects to ``listening``, in one thread."""

    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._selector = selectors.DefaultSelector()
        self._due: list[tuple[float, int, _Caller]] = []
        self._numbers = 0
        self._begun = 0
        self.streams = 0
        """How many streams are open."""
        listening.setblocking(False)
        self._selector.register(listening, selectors.EVENT_READ)

    def serve(self) -> None:
        """Serve for ever."""
        while True:
            self.turn(None)

    def turn(self, patience: float | None) -> None:
        """Wait ``patience`` seconds at most, and do what there is to do."""
        if self._due:
            next_due = max(self._due[0][0] - time.monotonic(), 0.0)
            patience = next_due if patience is None else min(patience, next_due)
        for key, mask in self._selector.select(patience):
            if key.data is None:
                self._accept()
            elif mask & selectors.EVENT_READ:
                self._receive(key.data)
            else:
                self._send(key.data, b"")
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            at, _, caller = heapq.heappop(self._due)
            self._happen(caller, at)

    def close(self) -> None:
        """Close everything."""
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()

    def _accept(self) -> None:
        try:
            while True:
                connection, _ = self._listening.accept()
                connection.setblocking(False)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._selector.register(connection, selectors.EVENT_READ, _Caller(connection))
        except BlockingIOError:
            return

    def _receive(self, caller: _Caller) -> None:
        try:
            data = caller.connection.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            return self._leave(caller)
        inbox = caller.inbox
        inbox += data
        while (end := inbox.find(b"\r\n\r\n")) >= 0:
            declared = _LENGTH.search(inbox, 0, end + 2)
            whole = end + 4 + (int(declared[1]) if declared else 0)
            if len(inbox) < whole:
                return None
            request = bytes(inbox[:whole])
            del inbox[:whole]
            self._answer(caller, request)
        return None

    def _answer(self, caller: _Caller, request: bytes) -> None:
        if request.startswith(b"GET /streams "):
            return self._send(caller, _json(b"%d" % self.streams))
        asked = _ASKED.search(request)
        if asked is None or asked[1] == b"json":
            return self._send(caller, _COMPLETION)
        if asked[1] == b"late":
            return self._later(caller, time.monotonic() + int(asked[2]) / 1e3)
        caller.streaming, caller.left, caller.pause = True, int(asked[2]), int(asked[3]) / 1e6
        self.streams += 1
        self._send(caller, _STREAM_HEAD)  # and what follows at once, where there is no pause
        if caller.pause:
            # Streams that began together would be served together, which costs a proxy half as much: where each one's turn is in a pause is
            # spread evenly, however many there are.
            self._begun += 1
            self._later(caller, time.monotonic() + self._begun * _GOLDEN % 1.0 * caller.pause)
        return None

    def _later(self, caller: _Caller, at: float) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (at, self._numbers, caller))

    def _happen(self, caller: _Caller, at: float) -> None:
        """What was due ``at`` that time."""
        if caller.closed:
            return None
        if not caller.streaming:
            return self._send(caller, _COMPLETION)
        if caller.left:
            caller.left -= 1
            self._send(caller, _CHUNK % time.monotonic_ns())
            return self._later(caller, at + caller.pause)
        return self._finish(caller)

    def _finish(self, caller: _Caller) -> None:
        caller.streaming = False
        self.streams -= 1
        self._send(caller, _LAST)

    def _send(self, caller: _Caller, data: bytes) -> None:
        """Send what waits, then ``data``, then as much of a stream without pauses as is taken."""
        outbox = caller.outbox + data
        try:
            while True:
                if not outbox and caller.streaming and not caller.pause:
                    if not caller.left:
                        caller.outbox = b""
                        return self._finish(caller)
                    count = min(caller.left, _BURST)
                    caller.left -= count
                    outbox = _CHUNK % time.monotonic_ns() * count
                if not outbox:
                    break
                outbox = outbox[caller.connection.send(outbox) :]
        except BlockingIOError:
            pass
        except OSError:
            return self._leave(caller)
        caller.outbox = outbox
        if caller.blocked != bool(outbox):
            caller.blocked = bool(outbox)
            wanted = selectors.EVENT_WRITE if outbox else selectors.EVENT_READ
            self._selector.modify(caller.connection, wanted, caller)
        return None

    def _leave(self, caller: _Caller) -> None:
        if caller.closed:
            return
        if caller.streaming:
            self.streams -= 1
        caller.streaming, caller.closed = False, True
        self._selector.unregister(caller.connection)
        caller.connection.close()


def listener() -> socket.socket:
    """A listening socket on a free port of the loopback."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=4096)
    sys.stdout.write(f"listening on http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    return listening


if __name__ == "__main__":
    Origin(listener()).serve()
