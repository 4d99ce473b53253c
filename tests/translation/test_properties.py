"""What holds for every answer that any provider may give, behind every writer and before every reader."""

from __future__ import annotations

import itertools
import json
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.answers import ANSWERS
from tests.support.chunking import cut, cuttings
from tests.support.events import legal_events
from tests.translation.crossings import CONTEXT, WAYS, legal, read_frames
from tests.translation.gists import expected, gist_of
from tests.translation.requests import asked
from trioproxy.errors import ClientFault
from trioproxy.neutral.events import Event, Failed, Finished, UsageReported
from trioproxy.neutral.fold import fold
from trioproxy.neutral.unnamed import Unnamed
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.frames import Frame
from trioproxy.wire.machine import ProtocolViolation
from trioproxy.wire.sse import SSEDecoder, encode

of_each_protocol = pytest.mark.parametrize("name", NAMES)
of_each_pair = pytest.mark.parametrize(("source", "target"), list(itertools.permutations(NAMES, 2)))
few = settings(max_examples=25)


def _counted_once(events: list[Event]) -> list[Event]:
    """Reports are cumulative: of counts that go down nobody can tell which was meant."""
    reports = [event for event in events if isinstance(event, UsageReported)]
    return [event for event in events if not isinstance(event, UsageReported) or event is reports[-1]]


ORDERLY = legal_events(parts=("text", "reasoning", "tool"), interleaved=False, may_fail=False).map(_counted_once)


@of_each_protocol
@pytest.mark.parametrize("way", WAYS)
@few
@given(events=ORDERLY)
def test_any_answer_survives_being_told(name: str, way: str, events: list[Event]) -> None:
    before = expected(gist_of(fold(events)), name, way)
    after = gist_of(WAYS[way](events, name).answer)
    # Sources are the recordings' business: here they speak of places that their texts do not have.
    assert attrs.evolve(after, cited=()) == attrs.evolve(before, cited=())


@of_each_protocol
@pytest.mark.parametrize("way", WAYS)
@few
@given(events=legal_events())
def test_parts_that_interleave_lose_no_word(name: str, way: str, events: list[Event]) -> None:
    """Borders and order may give way where a protocol has one part at a time; what each call is told may not, nor what is said in all."""
    answer = WAYS[way](events, name).answer
    before, after = (gist_of(each) for each in (fold(events), answer))
    if before.failed is not None:
        assert answer.failure is not None
        assert answer.finish is None
        return
    before, after = expected(before, name, way), after
    calls = [[each for each in gist.said if each[0] in ("call", "custom")] for gist in (after, before)]
    assert calls[0] == calls[1]
    for kind in ("text", "reasoning", "refusal"):
        words = ["".join(each[1] for each in gist.said if each[0] == kind) for gist in (after, before)]
        assert sorted(words[0].replace("\n", "")) == sorted(words[1].replace("\n", ""))


@of_each_pair
@few
@given(data=st.data())
def test_where_bytes_are_cut_changes_nothing(source: str, target: str, data: st.DataObject) -> None:
    stream = ANSWERS[source].stream
    pieces = data.draw(cuttings(st.just(stream)))
    assert _told(source, target, pieces) == _told(source, target, [stream])


@of_each_pair
def test_every_single_byte_border(source: str, target: str) -> None:
    stream = ANSWERS[source].stream
    whole = _told(source, target, [stream])
    for size in (1, 2, 7):
        assert _told(source, target, cut(stream, size)) == whole
    assert _told(source, target, cut(stream.replace(b"\n", b"\r\n"), 1)) == whole


@of_each_pair
def test_no_prefix_is_a_success(source: str, target: str) -> None:
    """Whatever byte the provider dies at, its client's client is told of a failure, unless the provider had said that it was done."""
    stream = ANSWERS[source].stream
    for end in range(0, len(stream), 3):
        decoder, reader = SSEDecoder(), protocol(source).stream_reader()
        events = [event for frame in decoder.feed(stream[:end]) for event in reader.feed(frame)]
        complete = reader.seen.complete
        events = legal([*events, *reader.close()])
        last = read_frames(_frames(events, target), target)[-1]
        assert isinstance(last, Finished if complete else Failed), stream[:end]


@of_each_pair
@settings(max_examples=40)
@given(data=st.data())
def test_garbled_frames_keep_the_grammar(source: str, target: str, data: st.DataObject) -> None:
    """Frames doubled, dropped, swapped and with values of other types: whatever the reader makes of them is legal, and can be told."""
    frames = SSEDecoder().feed(ANSWERS[source].stream)
    order = data.draw(st.lists(st.integers(0, len(frames) - 1), max_size=len(frames) + 2))
    garbled = [Frame(_garbled(data, frames[at].data), frames[at].event) for at in order]
    try:
        events = read_frames(garbled, source)
    except ProtocolViolation as violation:
        # A reader may give a stream up; what it may not do is yield an illegal event, which the grammar words like this.
        raise AssertionError(violation) from violation
    unnamed = Unnamed()
    told = [event for event in events if not unnamed.hides(event)]
    last = read_frames(_frames(told, target), target)[-1]
    assert isinstance(last, type(events[-1]))


def _garbled(data: st.DataObject, raw: bytes) -> bytes:
    if raw == b"[DONE]":
        return raw
    document = json.loads(raw)
    nodes: list[tuple[Any, Any]] = list(_places(document))
    for _ in range(data.draw(st.integers(0, 2))):
        holder, key = data.draw(st.sampled_from(nodes))
        if (isinstance(holder, dict) and key in holder) or (isinstance(holder, list) and key < len(holder)):
            holder[key] = data.draw(st.sampled_from([None, "", 0, -1, [], {}, True, "x", [None], {"x": 1}]))
    return json.dumps(document).encode()


def _places(node: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    for key in node if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
        found += [(node, key), *_places(node[key])]
    return found


REQUESTS: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "m", "messages": [{"role": "user", "content": "hi"}]},
    "openai_responses": {"model": "m", "input": [{"role": "user", "content": "hi"}]},
    "anthropic": {"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "hi"}]},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]},
}


@pytest.mark.parametrize(("source", "target"), list(itertools.product(NAMES, repeat=2)))
@pytest.mark.parametrize("place", ["request", "turn"])
@few
@given(name=st.from_regex(r"trio[a-z]{1,8}", fullmatch=True), value=st.sampled_from([0, "x", [1], {"y": 2}, False]))
def test_an_unknown_field_is_restored_or_a_loss(source: str, target: str, place: str, name: str, value: Any) -> None:
    """Nulls and empty values say nothing, and need no mention."""
    document = json.loads(json.dumps(REQUESTS[source]))
    turns = next(document[key] for key in ("messages", "input", "contents") if key in document)
    node = document if place == "request" else turns[0]
    node[name] = value
    said = protocol(source).read_request(document, asked(source, document))
    try:
        written = protocol(target).write_request(said, WriteTarget(model="m"))
    except ClientFault as refusal:
        if name in (refusal.failure.param or ""):
            return
        raise
    if source == target:
        assert json.dumps({name: value})[1:-1] in json.dumps(written.body)
    else:
        assert name not in json.dumps(written.body)
        assert any(name in loss.path for loss in written.losses)


def _frames(events: list[Event], target: str) -> list[Frame]:
    writer = protocol(target).stream_writer(CONTEXT)
    return [frame for event in events for frame in writer.feed(event)] + writer.close()


def _told(source: str, target: str, pieces: list[bytes]) -> bytes:
    decoder, reader = SSEDecoder(), protocol(source).stream_reader()
    frames = [frame for piece in pieces for frame in decoder.feed(piece)] + decoder.close()
    events = [event for frame in frames for event in reader.feed(frame)]
    return encode(_frames(legal([*events, *reader.close()]), target))
