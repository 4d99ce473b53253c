from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.upstream.faults import Fault, FaultInvalid, FaultKind, Unit, apply, drawn, latency, parse_faults
from trioproxy.upstream.fixture import Chunk, Ending, Fixture, read_fixture, write_fixture

SSE = ((b"content-type", b"text/event-stream; charset=utf-8"),)
EVENTS = (b"data: 1\n\n", b"event: x\r\ndata: 2\r\n\r\n", b"data: \xe2\x82\xac\n\n", b"data: 4\n\n")
# Four events in three chunks: the second event lies across a border.
BODY = b"".join(EVENTS)
STREAM = Fixture(
    headers=SSE,
    head_at=0.5,
    chunks=(Chunk(1.0, BODY[:15]), Chunk(2.0, BODY[15:40]), Chunk(3.0, BODY[40:])),
    ended_at=3.5,
)
WHOLE = Fixture(
    headers=((b"content-type", b"application/json"),), chunks=(Chunk(1.0, b'{"a":'), Chunk(2.0, b"1}")), ended_at=2.0
)


def spoiled(text: str, fixture: Fixture = STREAM) -> Fixture:
    return apply(parse_faults(text), fixture)


def times(fixture: Fixture) -> list[float]:
    return [chunk.at for chunk in fixture.chunks]


# -- writing


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", ()),
        (" , ", ()),
        ("stall", (Fault(kind=FaultKind.STALL),)),
        ("stall@event=5", (Fault(kind=FaultKind.STALL, place=5),)),
        ("stall@5", (Fault(kind=FaultKind.STALL, place=5),)),
        ("reset@byte=1000", (Fault(kind=FaultKind.RESET, unit=Unit.BYTE, place=1000),)),
        ("eof@time=2.5", (Fault(kind=FaultKind.EOF, unit=Unit.TIME, place=2.5),)),
        ("no-last-chunk", (Fault(kind=FaultKind.NO_LAST_CHUNK),)),
        ("bad-utf8@0", (Fault(kind=FaultKind.BAD_UTF8, place=0),)),
        (
            "latency=2, drip=3@event=1",
            (Fault(kind=FaultKind.LATENCY, amount=2), Fault(kind=FaultKind.DRIP, amount=3, place=1)),
        ),
    ],
)
def test_how_faults_are_written(text: str, faults: tuple[Fault, ...]) -> None:
    assert parse_faults(text) == faults


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("explode", "fault 'explode' is not known; known are stall, eof, cut"),
        ("stall@word=1", "fault 'stall@word=1' is not of the form"),
        ("stall=-1", "is not of the form"),
        ("stall 5", "is not of the form"),
        ("status=200", "a status is 400 to 599"),
        ("stall,boom", "'boom' is not known"),
    ],
)
def test_what_is_no_fault_is_told(text: str, message: str) -> None:
    with pytest.raises(FaultInvalid, match=message):
        parse_faults(text)


def test_every_kind_can_be_written_and_applied_to_anything() -> None:
    for kind in FaultKind:
        for fixture in (STREAM, WHOLE, Fixture(), Fixture(headers=SSE)):
            for place in ("", "@0", "@1", "@99", "@byte=3", "@time=1"):
                spoiled(kind.value + place, fixture)


# -- where it stops


@pytest.mark.parametrize(
    ("kind", "ending"),
    [("stall", Ending.STALL), ("eof", Ending.COMPLETE), ("cut", Ending.TRUNCATED), ("reset", Ending.RESET)],
)
@pytest.mark.parametrize(
    ("place", "left"),
    [
        ("", b"".join(EVENTS[:2])),
        ("@event=0", b""),
        ("@event=1", EVENTS[0]),
        ("@2", b"".join(EVENTS[:2])),
        ("@event=99", BODY),
        ("@byte=3", BODY[:3]),
        ("@byte=9999", BODY),
        ("@time=0.9", b""),
        ("@time=2", BODY[:40]),
        ("@time=99", BODY),
    ],
)
def test_an_answer_stops_at_the_place(kind: str, ending: Ending, place: str, left: bytes) -> None:
    fixture = spoiled(kind + place)

    assert fixture.body == left
    assert fixture.ending is ending
    assert fixture.ended_at == (fixture.chunks[-1].at if left else STREAM.head_at)
    assert fixture.status == STREAM.status


def test_the_events_of_a_whole_body_are_its_chunks() -> None:
    assert spoiled("cut@1", WHOLE).body == b'{"a":'


def test_everything_may_come_but_the_last_chunk() -> None:
    fixture = spoiled("no-last-chunk")

    assert fixture.chunks == STREAM.chunks
    assert fixture.ending is Ending.TRUNCATED


# -- what changes on the way


@pytest.mark.parametrize("size", [1, 4])
def test_a_drip_keeps_every_byte(size: int) -> None:
    fixture = spoiled(f"drip={size}@event=1")

    assert fixture.body == BODY
    assert fixture.chunks[0].data == EVENTS[0]
    assert all(len(chunk.data) <= size for chunk in fixture.chunks[1:])
    assert times(fixture) == sorted(times(fixture))
    assert fixture.ended_at >= fixture.chunks[-1].at
    assert spoiled("drip").chunks[0].data == BODY[:1]


def test_an_event_may_come_twice() -> None:
    fixture = spoiled("duplicate@2")

    assert fixture.body == EVENTS[0] + EVENTS[1] * 2 + EVENTS[2] + EVENTS[3]
    assert times(fixture) == [1.0, 2.0, 2.0, 3.0, 3.0]


def test_two_events_may_change_places() -> None:
    fixture = spoiled("reorder@1")

    assert fixture.body == EVENTS[1] + EVENTS[0] + EVENTS[2] + EVENTS[3]
    assert times(fixture) == sorted(times(fixture))
    assert spoiled("reorder@99").body == BODY


def test_garbage_comes_between_events() -> None:
    before, garbage, after = spoiled("garbage@1").body.partition(b'data: {"garbage": \x00\xff\n\n')

    assert (before, after) == (EVENTS[0], BODY[len(EVENTS[0]) :])
    assert garbage
    assert spoiled("garbage@0").chunks[0].at == STREAM.head_at
    assert spoiled("garbage@1", WHOLE).body == b'{"a":\x00\xff{garbage1}'


def test_a_character_loses_its_last_byte() -> None:
    assert spoiled("bad-utf8").body == BODY.replace(b"\xe2\x82\xac", b"\xe2\x82")


def test_where_all_is_ascii_a_character_begins_and_never_ends() -> None:
    assert spoiled("bad-utf8@1", WHOLE).body == b'{"a":\xe2\x821}'
    assert spoiled("bad-utf8@0", WHOLE).body == b'\xe2\x82{"a":1}'


@pytest.mark.parametrize(
    ("text", "status", "retry"), [("status", 500, False), ("status=503", 503, True), ("status=429", 429, True)]
)
def test_an_error_takes_the_place_of_the_answer(text: str, status: int, retry: bool) -> None:
    fixture = spoiled(text)

    assert fixture.status == status
    assert (b"content-type", b"application/json") in fixture.headers
    assert ((b"retry-after", b"1") in fixture.headers) is retry
    assert json.loads(fixture.body)["error"]["message"] == f"replayed fault: status {status}"
    assert fixture.ending is Ending.COMPLETE


@pytest.mark.parametrize(("text", "later"), [("latency", 1.0), ("latency=2.5", 2.5), ("latency=0", 0.0)])
def test_everything_may_come_later(text: str, later: float) -> None:
    fixture = spoiled(text)

    assert fixture.head_at == STREAM.head_at + later
    assert times(fixture) == [at + later for at in times(STREAM)]
    assert fixture.ended_at == STREAM.ended_at + later
    assert fixture.body == BODY


def test_faults_come_in_their_order() -> None:
    fixture = spoiled("latency=1,duplicate@1,cut@2")

    assert fixture.body == EVENTS[0] * 2
    assert fixture.ending is Ending.TRUNCATED
    assert fixture.head_at == 1.5


@given(
    kind=st.sampled_from(sorted(each.value for each in FaultKind if each is not FaultKind.STATUS)),
    unit=st.sampled_from(["event", "byte", "time"]),
    place=st.integers(0, 80),
    body=st.binary(max_size=80),
    cuts=st.lists(st.integers(0, 80), max_size=5),
)
def test_whatever_goes_wrong_is_still_a_recording(
    kind: str, unit: str, place: int, body: bytes, cuts: list[int]
) -> None:
    borders = [0, *sorted(min(at, len(body)) for at in cuts), len(body)]
    chunks = tuple(Chunk(float(number), body[begin:end]) for number, (begin, end) in enumerate(pairwise(borders)))
    fixture = spoiled(f"{kind}@{unit}={place}", Fixture(headers=SSE, chunks=chunks))

    assert times(fixture) == sorted(times(fixture))
    assert read_fixture(write_fixture(fixture)).body == fixture.body


# -- errors of their own, and schedules


def test_an_error_may_have_headers_and_a_body_of_its_own() -> None:
    text = '{"fault": "status=429", "headers": {"Retry-After": 7}, "body": {"error": {"message": "slow down"}}}'
    [fault] = parse_faults(text)
    assert fault == Fault(
        kind=FaultKind.STATUS,
        amount=429,
        headers=((b"retry-after", b"7"),),
        body=b'{"error":{"message":"slow down"}}',
    )
    refused = spoiled(text)
    assert refused.status == 429
    assert refused.headers == ((b"retry-after", b"7"), (b"content-type", b"application/json"))
    assert refused.body == b'{"error":{"message":"slow down"}}'
    plain = spoiled('{"fault": "status=503", "headers": {"content-type": "text/html"}, "body": "<p>busy</p>"}')
    assert (plain.headers, plain.body) == (((b"content-type", b"text/html"),), b"<p>busy</p>")
    assert spoiled('{"fault": "status", "body": ""}').chunks == ()


def test_several_faults_as_documents() -> None:
    assert parse_faults('["cut@1", {"fault": "drip=2,latency"}]') == parse_faults("cut@1,drip=2,latency")
    assert parse_faults("[]") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "faults that begin as JSON are none"),
        ("[1]", "1 is not {fault, headers, body} with a fault that is text"),
        ('{"fault": 1}', "is not {fault, headers, body}"),
        ('{"fault": "cut", "more": 1}', "is not {fault, headers, body}"),
        ('{"fault": "cut", "body": "x", "headers": {}}', "'cut' has no body and no headers: only a status has"),
        ('{"fault": "status", "headers": []}', "headers must be an object"),
        ('{"fault": "boom"}', "'boom' is not known"),
    ],
)
def test_what_is_no_document_of_a_fault_is_told(text: str, message: str) -> None:
    with pytest.raises(FaultInvalid, match=message):
        parse_faults(text)


def test_a_schedule_is_the_same_for_the_same_seed() -> None:
    faults = parse_faults("random=7@0.5,latency=1")
    drawn_twice = [[drawn(faults, STREAM, number) for number in range(200)] for _ in range(2)]
    assert drawn_twice[0] == drawn_twice[1]
    hit = [faults[0] for faults in drawn_twice[0] if len(faults) == 2]
    assert 70 < len(hit) < 130
    assert {fault.kind for fault in hit} == set(FaultKind) - {FaultKind.RANDOM}
    assert all(fault.place is not None and 0 <= fault.place <= 4 for fault in hit)
    assert all(faults[-1].kind is FaultKind.LATENCY for faults in drawn_twice[0])
    assert [drawn(parse_faults("random=8"), STREAM, number) for number in range(50)] != [
        drawn(parse_faults("random=9"), STREAM, number) for number in range(50)
    ]
    assert not any(drawn(parse_faults("random=7@0"), STREAM, number) for number in range(50))
    assert spoiled("random=7") == STREAM, "a schedule is nothing before it is drawn from"


def test_how_late_everything_comes_all_in_all() -> None:
    assert latency(parse_faults("latency=2,cut@1,latency")) == 3
    assert latency(()) == 0
