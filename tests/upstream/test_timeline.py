from __future__ import annotations

import attrs

from trioproxy.upstream.fixture import Chunk, Ending, Fixture, RecordedRequest
from trioproxy.upstream.timeline import described, drawn, moments

EVENTS = ((b"content-type", b"text/event-stream; charset=utf-8"),)
STREAM = Fixture(
    note="made by hand",
    request=RecordedRequest(
        path="/v1/messages", body=b'{"model":"m","stream":true,"messages":[{"role":"user","content":"hi\\u001b[31m"}]}'
    ),
    headers=EVENTS,
    head_at=0.1,
    chunks=(
        Chunk(0.2, b'event: ping\ndata: {"type":"ping"}\n\n'),
        Chunk(0.4, b"data: on"),
        Chunk(0.8, b"e\n\ndata: two\n\n"),
    ),
    ending=Ending.RESET,
    ended_at=0.8,
    end_message="it was reset",
)


def test_a_stream_is_drawn_on_a_line_of_time() -> None:
    assert list(drawn("a/b", STREAM)) == [
        "a/b: POST messages for m, streamed",
        "  made by hand",
        "  asked: hi·[31m",
        "     100 ms   +100 |  *                 |          status 200",
        '     200 ms   +100 |     *              |    35 B  ping: {"type":"ping"}',
        "     400 ms   +200 |          *         |     8 B  data: on",
        "     800 ms   +400 |                   *|    14 B  one  (+1 more)",
        "     800 ms        |                   *|          end: reset (it was reset)",
        "  3 chunks, 57 bytes in 800 ms",
    ]


def test_what_is_understood_is_told_by_what_it_says() -> None:
    text = b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}\n\n'
    start = b'data: {"type":"message_start","message":{"id":"m","model":"m","usage":{"input_tokens":3}}}\n\n'
    block = b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}\n\n'
    told = attrs.evolve(STREAM, protocol="anthropic", chunks=(Chunk(0.2, start), Chunk(0.3, block + text)))
    lines = [line.partition(" B  ")[2] for line in drawn("a/b", told)]
    assert [line for line in lines if line] == ["begins (m), tokens: 3 in", 'text begins, "hi"']
    assert described("a/b", told)["chunks"][1]["says"] == 'text begins, "hi"'


def test_a_whole_body_is_shown_by_its_beginning() -> None:
    body = attrs.evolve(STREAM, headers=(), chunks=(Chunk(0, b'{"a": "' + b"x" * 200 + b'"}'),), head_at=0, ended_at=0)
    lines = list(drawn("x", body))
    assert lines[-3].endswith('{"a": "' + "x" * 56 + "…")
    assert lines[-1] == "  1 chunk, 209 bytes in 0 ms"


def test_what_is_too_long_for_an_event_is_still_told() -> None:
    long = attrs.evolve(STREAM, chunks=(Chunk(0.2, b"data: " + b"x" * (17 * 1024 * 1024)), Chunk(0.3, b"\n\n")))
    assert [moment.events for moment in moments(long)] == [(), ()]


def test_the_same_as_a_document() -> None:
    told = described("a/b", STREAM)
    assert (told["operation"], told["model"], told["last_turn"]) == ("messages", "m", "hi\x1b[31m")
    assert told["chunks"][2] == {
        "at": 800.0,
        "bytes": 14,
        "says": "",
        "events": [{"event": None, "data": "one"}, {"event": None, "data": "two"}],
    }
    assert (told["head_at"], told["ended_at"], told["ending"]) == (100.0, 800.0, "reset")
