"""Text that goes on takes a short way through both lanes: it does what the long way does, to the byte, whatever the provider sends."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.chunking import cut
from tests.support.readers import reading_all
from tests.support.recordings import Recording, recording_params
from trioproxy.gateway.passages import StreamPassage
from trioproxy.gateway.sources import AnySource, RefinedSource
from trioproxy.gateway.stream_source import Look, StreamSource
from trioproxy.gateway.translations import StreamTranslation
from trioproxy.neutral.events import (
    Event,
    Growth,
    PartKind,
    PartStarted,
    ReasoningDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
)
from trioproxy.neutral.naming import ToolNaming
from trioproxy.neutral.stopping import StopCutter
from trioproxy.protocols.base import Framing, WriteContext
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.frames import Frame
from trioproxy.wire.sse import SSEDecoder, encode

WORDS = (TextDelta, ReasoningDelta)
CONTEXT = WriteContext(model="asked", now=1_700_000_000, token="c0ffee")
PAIRS = list(itertools.product(NAMES, repeat=2))
NAMING = ToolNaming(originals={"f": ("the client's", None)}, custom=frozenset({"g"}))


class LongWay:
    """A source that tells every delta by itself, of frames that are taken apart."""

    complete = False
    steady: Look | None = None

    def __init__(self, name: str, max_event: int) -> None:
        self.source = StreamSource(protocol(name), Framing.SSE, max_event=max_event)
        reading_all(self.source._reader)
        self.source._skims = 0

    def feed(self, data: bytes) -> list[Event]:
        return self.source.feed(data)

    pour = feed

    @property
    def settled(self) -> LongWay:
        return self

    def close(self) -> list[Event]:
        return self.source.close()


def translations(
    source: str, target: str, framing: Framing = Framing.SSE, max_event: int = 1 << 20
) -> tuple[StreamTranslation, StreamTranslation]:
    """The long way and the short one."""
    long = StreamTranslation(LongWay(source, max_event), NAMING, protocol(target), framing, CONTEXT)
    long._writer.more = lambda growth: None  # type: ignore[method-assign]
    short = AnySource(protocol(source), Framing.SSE, max_event=max_event, limit=1 << 20)
    return long, StreamTranslation(short, NAMING, protocol(target), framing, CONTEXT)


def wordless(events: Sequence[Event | Growth]) -> list[Any]:
    """The events but for their words: of arguments in a row it is enough that there were some."""
    left: list[Any] = []
    for event in events:
        if isinstance(event, ToolArgsDelta):
            some = f"arguments of {event.index}"
            left += [some] if left[-1:] != [some] else []
        elif not isinstance(event, (*WORDS, Growth)):
            left.append(event)
    return left


def translated_alike(pieces: list[bytes], long: StreamTranslation, short: StreamTranslation) -> bytes:
    """What the client got, after both ways were seen to agree with every piece."""
    got = b""
    for piece in [*pieces, None]:
        (expected, told), (found, heard) = (
            way.feed(piece) if piece is not None else way.close() for way in (long, short)
        )
        assert found == expected
        assert wordless(heard) == wordless(told)
        assert (short.ready, short.finished, short.failure) == (long.ready, long.finished, long.failure)
        assert short.losses == long.losses
        got += found
    return got


def passed_alike(name: str, pieces: list[bytes]) -> list[Event]:
    """What the observer told, after it was seen to agree with one who reads everything."""
    reading = LongWay(name, 1 << 20).source
    short = StreamPassage(protocol(name), Framing.SSE, max_event=1 << 20)
    told: list[Event] = []
    for piece in pieces:
        expected = reading.feed(piece)
        data, heard = short.feed(piece)
        assert data == piece
        heard += short.catch_up()
        assert wordless(heard) == wordless(expected)
        assert attrs.astuple(short._source.seen) == attrs.astuple(reading.seen)
        assert short._source.decoder.at_boundary == reading.decoder.at_boundary
        told += heard
    rest, heard = short.close()
    assert rest == b""
    assert wordless(heard) == wordless(reading.close())
    return told + heard


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_client_need_not_wait_until_bytes_are_understood(forgotten: bool) -> None:
    frames = [f"data: {each}\n\n".encode() for each in (chat(""), chat("a"), chat("b"), chat("", finish='"stop"'))]
    passage = StreamPassage(protocol("openai_chat"), Framing.SSE, max_event=1 << 20)
    data, heard = passage.feed(b"".join(frames[:3]))
    assert data == b"".join(frames[:3])
    assert [type(event).__name__ for event in heard] == ["ResponseStarted", "PartStarted", "TextDelta"]
    if not forgotten:
        assert passage.catch_up() == []
        assert passage.catch_up() == []
    assert passage.feed(frames[3]) == (frames[3], [])
    assert not passage.over
    later = [] if forgotten else passage.catch_up()
    _, last = passage.close()
    assert [type(event).__name__ for event in later + last] == ["PartFinished", "Finished"]
    assert passage.over


def test_an_observer_that_fails_on_its_shortest_way_is_given_up() -> None:
    def broken(data: bytes) -> list[Event]:
        raise ZeroDivisionError

    passage = StreamPassage(protocol("openai_chat"), Framing.SSE, max_event=1 << 20)
    frames = [f"data: {chat(text)}\n\n".encode() for text in ("a", "b", "c", "d")]
    for frame in frames[:3]:
        passage.feed(frame)
        passage.catch_up()
    assert passage._source.silent is not None
    passage._source.feed = broken  # type: ignore[method-assign]
    assert passage.feed(frames[3]) == (frames[3], [])
    assert passage.catch_up() == []
    assert passage.feed(b": hold on\n\n") == (b": hold on\n\n", [])
    assert passage.catch_up() == []
    assert passage.lost
    assert passage.feed(frames[3]) == (frames[3], [])


def test_until_there_is_content_all_is_understood_first() -> None:
    error = b'data: {"error":{"message":"no","type":"server_error"}}\n\n'
    passage = StreamPassage(protocol("openai_chat"), Framing.SSE, max_event=1 << 20)
    _, heard = passage.feed(b": hold on\n\n" + f"data: {chat('')}\n\n".encode() + error)
    assert [type(event).__name__ for event in heard] == ["ResponseStarted", "Failed"]
    assert passage.failure is not None


# Streams: an opening, then frames whose one text is spelled in all manners, among whatever else may come.


def chat(inside: str, *, member: str = "content", finish: str = "null") -> str:
    return (
        '{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,'
        f'"delta":{{"{member}":"{inside}"}},"finish_reason":{finish}}}]}}'
    )


def messages(inside: str, *, index: int = 0, kind: str = "text", end: str = "") -> str:
    delta = f'{{"type":"{kind}_delta","{kind}":"{inside}"}}'
    return f'{{"type":"content_block_delta","index":{index},"delta":{delta}{end}}}'


def responses(inside: str, *, number: str = "") -> str:
    return f'{{"type":"response.output_text.delta",{number}"output_index":0,"item_id":"i","content_index":0,"delta":"{inside}"}}'


def gemini(inside: str, *, thought: str = "", tokens: int = 1) -> str:
    return (
        f'{{"candidates":[{{"content":{{"parts":[{{"text":"{inside}"{thought}}}],"role":"model"}},"index":0}}],'
        f'"usageMetadata":{{"promptTokenCount":9,"candidatesTokenCount":{tokens}}},"modelVersion":"m","responseId":"r"}}'
    )


TEXT: dict[str, Callable[..., str]] = {
    "openai_chat": chat,
    "anthropic": messages,
    "openai_responses": responses,
    "gemini": gemini,
}

# The text is @, what goes with it from frame to frame is #.
TEMPLATES = {
    "openai_chat": [
        chat("@"),
        chat("@")[:-1] + ',"obfuscation":"#"}',
        chat("@").replace('"id":"c"', '"id":"#"'),
        chat("@", member='reasoning_content":null,"content')[:-1] + ',"system_fingerprint":"#"}',
        chat("@", member='role":"#","content'),
        chat("#", member='reasoning_content":"@","content'),
    ],
    "anthropic": [messages("@"), messages("@", end="#"), messages("@", index=1), messages("@")[:-1] + ',"type":"#"}'],
    "openai_responses": [
        responses("@"),
        responses("@")[:-1] + ',"obfuscation":"#"}',
        responses("@").replace('"i"', '"#"'),
        responses("@", number='"sequence_number":#,'),
        responses("@")[:-1] + ',"sequence_number":#}',
        responses("@").replace('"output_index":0', '"output_index":#'),
    ],
    "gemini": [gemini("@"), gemini("@").replace('"r"', '"#"')],
}

# The same for calls, behind frames that open two.
CALLING: dict[str, list[str]] = {
    "openai_chat": [
        chat("x").replace(
            '{"content":"x"}', f'{{"tool_calls":[{{"index":{n},"id":"i{n}","function":{{"name":"{name}"}}}}]}}'
        )
        for n, name in ((0, "f"), (1, "g"))
    ],
    "anthropic": [
        f'{{"type":"content_block_start","index":{n},"content_block":{{"type":"tool_use","id":"i{n}","name":"{name}","input":{{}}}}}}'
        for n, name in ((1, "f"), (2, "g"))
    ],
    "openai_responses": [
        f'{{"type":"response.output_item.added","output_index":{n},"item":{{"type":"{kind}_call","id":"i{n}","name":"f"}}}}'
        for n, kind in ((1, "function"), (2, "custom_tool"))
    ],
    "gemini": [],
}


def calling(call: str) -> str:
    return chat("x").replace('{"content":"x"}', f'{{"tool_calls":[{{{call}}}]}}')


ARGUMENTS: dict[str, list[str]] = {
    "openai_chat": [
        calling('"index":0,"function":{"arguments":"@"}'),
        calling('"index":1,"function":{"arguments":"@"}')[:-1] + ',"obfuscation":"#"}',
        calling('"index":0,"id":"#","type":"function","function":{"name":"","arguments":"@"}'),
        calling('"index":0,"function":{"name":"#","arguments":"@"}'),
        calling('"index":2,"function":{"name":"g","arguments":"@"}'),
        calling('"index":0,"type":"custom","custom":{"input":"@"}'),
    ],
    "anthropic": [
        '{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"@"}}',
        '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"@"}#}',
    ],
    "openai_responses": [
        '{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"i1","delta":"@","obfuscation":"#"}',
        '{"type":"response.function_call_arguments.delta","output_index":0,"item_id":"i0","delta":"@"}',
        '{"type":"response.custom_tool_call_input.delta","output_index":2,"item_id":"i2","sequence_number":3,"delta":"@"}',
        '{"type":"response.reasoning_summary_text.delta","output_index":3,"item_id":"i3","summary_index":0,"delta":"@"}',
    ],
    "gemini": ['{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"a":"@"}}}]}}]}'],
}


def named(name: str, data: str) -> bytes:
    """The frame as its provider sends it."""
    kind = json.loads(data, strict=False).get("type") if name in ("anthropic", "openai_responses") else None
    return encode([Frame(data.encode(), kind)])


OPENING: dict[str, list[str]] = {
    "openai_chat": ['{"choices":[{"delta":{"role":"assistant"}}],"object":"chat.completion.chunk","id":"c"}'],
    "anthropic": [
        '{"type":"message_start","message":{"id":"m","usage":{"input_tokens":1}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}',
    ],
    "openai_responses": ['{"type":"response.created","response":{"id":"r"}}'],
    "gemini": [],
}
OTHERS: dict[str, list[str]] = {
    "openai_chat": [
        chat("thought", member="reasoning_content"),
        chat("more", member="refusal"),
        chat("", finish='"stop"'),
        chat("text", finish='"length"'),
        chat("x").replace('"created":1', '"created":2'),
        chat("x")[:-1] + ',"obfuscation":"x"}',
        chat("x")[:-1] + ',"odd":"x"}',
        chat("x").replace("chat.completion.chunk", "x"),
        '{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{"}}]}}]}',
        '{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}',
        '{"error":{"message":"x","type":"server_error"}}',
        '{"choices":[{"index":0,"delta":{"content":"a","content":"b"}}]}',
    ],
    "anthropic": [
        messages("a thought", index=1, kind="thinking"),
        messages("x", end="  "),
        messages("x", index=1),
        '{"type":"content_block_start","index":1,"content_block":{"type":"thinking","thinking":"","signature":""}}',
        '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":"two"}}',
        '{"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}',
        '{"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{}"}}',
        '{"type":"content_block_delta","index":1,"delta":{"type":"signature_delta","signature":"x"}}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"content_block_stop","index":1}',
        '{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":5}}',
        '{"type":"message_stop"}',
        '{"type":"ping"}',
        '{"type":"error","error":{"type":"overloaded_error","message":"x"}}',
    ],
    "openai_responses": [
        responses("x", number='"sequence_number":7,'),
        responses("x")[:-1] + ',"logprobs":[],"obfuscation":"x"}',
        responses("x").replace('"output_index":0', '"output_index":1'),
        '{"type":"response.output_text.done","output_index":0,"item_id":"i","content_index":0,"text":"xyzxyzxyz"}',
        '{"type":"response.output_item.added","output_index":1,"item":{"type":"function_call","id":"k","call_id":"k","name":"f"}}',
        '{"type":"response.function_call_arguments.delta","output_index":1,"item_id":"k","delta":"{}"}',
        '{"type":"response.reasoning_summary_text.delta","output_index":2,"item_id":"s","summary_index":0,"delta":"hm"}',
        '{"type":"response.completed","response":{"id":"r","usage":{"input_tokens":1,"output_tokens":2},"output":[]}}',
        '{"type":"error","message":"x"}',
    ],
    "gemini": [
        gemini("a thought", thought=',"thought":true'),
        gemini("x", tokens=2),
        gemini("x").replace('"index":0', '"index":0,"finishReason":"STOP"'),
        gemini("x", thought=',"thoughtSignature":"c2ln"'),
        '{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{}}}]}}]}',
        '{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}',
    ],
}
ANY: list[bytes] = [
    b": a comment\n\n",
    b"\n",
    b"\n\n\n",
    b"retry: 5\n\n",
    b"event: odd\ndata: x\n\n",
    b"data: [DONE]\n\n",
    b"data: {}\n\n",
    b"data: {\n\n",
    b"data: \n\n",
    b"id: 3\ndata: {}\n\n",
]

INSIDES = st.one_of(
    st.sampled_from(
        [
            "",
            " ",
            "words",
            "more words, plain ones",
            "x",
            "c",
            ":",
            ",",
            "0",
            "\\n",
            '\\"',
            "\\\\",
            "\\\\\\\\",
            "\\",
            "\\/",
            '{\\"input\\": \\"',
            'a\\"}',
            "\\u00e9",
            "\\u0000",
            "\\ud83d\\ude00",
            "\\ud83d",
            "\\ude00",
            "\\x",
            "é",
            "😀",
            "\u2028",
            "\x7f",
            "\x01",
            '"',
            '","x":"',
            '"},"finish_reason":"stop","x":{"y":"',
            '\\","',
            "\n",
            "\n\n",
            "\r",
            "data: ",
            "}",
            'Between two quotes, \\"these\\"\\n',
        ]
    ),
    st.text(max_size=8).map(lambda text: json.dumps(text)[1:-1]),
    st.text(max_size=8).map(lambda text: json.dumps(text, ensure_ascii=False)[1:-1]),
)


@st.composite
def streams(draw: st.DrawFn, name: str) -> list[bytes]:
    """A provider's bytes in pieces."""
    calls = draw(st.integers(0, 2)) == 0
    opening = [named(name, data) for data in OPENING[name] + (CALLING[name] if calls else [])]
    template = draw(st.sampled_from(ARGUMENTS[name] if calls else TEMPLATES[name]))
    usual, pads = (st.just("  "), st.sampled_from(["", " ", "    "])) if "}#" in template else (st.just("x"), INSIDES)
    if ":#" in template:
        usual, pads = (
            st.integers(0, 120).map(str),
            st.sampled_from(["007", "-1", "1.5", "1e3", "9" * 20, "", "null", '"1"']),
        )
    texts = st.tuples(INSIDES, st.one_of(usual, usual, pads))
    plain = st.lists(texts, min_size=1, max_size=6).map(
        lambda made: b"".join(cast(name, template, *each) for each in made)
    )
    other = st.sampled_from([named(name, data) for data in OTHERS[name]])
    blocks = draw(st.lists(st.one_of(plain, plain, plain, other, st.sampled_from(ANY)), max_size=10))
    if draw(st.booleans()):
        blocks = [block.replace(b"\n", b"\r\n") if draw(st.integers(0, 4)) == 0 else block for block in blocks]
    raw = b"".join([*opening, *blocks])
    if draw(st.integers(0, 3)) == 0:
        raw = raw[: draw(st.integers(0, len(raw)))]
    if draw(st.booleans()):  # one read a frame, as a provider writes them
        return [block + b"\n\n" for block in raw.split(b"\n\n")[:-1]] + [
            rest for rest in [raw.split(b"\n\n")[-1]] if rest
        ]
    return cut(raw, draw(st.sampled_from([0, 0, 1, 7, 64, 300, 1000])))


def cast(name: str, template: str, inside: str, pad: str) -> bytes:
    """A frame, and what may only seem to be one."""
    raw = named(name, template.replace("#", "" if "}#" in template else "0"))
    head, _, _ = raw.partition(b"data: ")
    data = template.replace("@", inside).replace("#", pad)
    return head + b"data: " + data.encode("utf-8", "surrogatepass") + b"\n\n"


few = settings(max_examples=100, deadline=None)


@pytest.mark.parametrize(("source", "target"), PAIRS)
@few
@given(data=st.data())
def test_a_client_gets_the_same_bytes(source: str, target: str, data: st.DataObject) -> None:
    translated_alike(data.draw(streams(source)), *translations(source, target))


@pytest.mark.parametrize("source", NAMES)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_client_of_a_list_gets_the_same_bytes(source: str, data: st.DataObject) -> None:
    translated_alike(data.draw(streams(source)), *translations(source, "gemini", Framing.JSON_ARRAY))


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_an_observer_knows_the_same(name: str, data: st.DataObject) -> None:
    passed_alike(name, data.draw(streams(name)))


@pytest.mark.parametrize("name", NAMES)
@few
@given(data=st.data())
def test_deltas_that_were_put_together_are_the_same_deltas(name: str, data: st.DataObject) -> None:
    long = LongWay(name, 1 << 20)
    short = StreamSource(protocol(name), Framing.SSE, max_event=1 << 20)
    for piece in data.draw(streams(name)):
        assert short.feed(piece) == long.feed(piece)
    assert short.close() == long.close()


@pytest.mark.parametrize("recording", recording_params())
def test_recorded_answers_are_told_alike(recording: Recording) -> None:
    if not recording.stream or recording.protocol not in NAMES:
        return
    blocks = [block + b"\n\n" for block in recording.body.split(b"\n\n")]
    for target in NAMES:
        for pieces in (blocks, cut(recording.body, 5000)):
            translated_alike(pieces, *translations(recording.protocol, target))
    passed_alike(recording.protocol, blocks)


# What the short way is for, and what it is not for.


def looks(source: StreamSource, monkeypatch: pytest.MonkeyPatch) -> list[Frame]:
    """The frames that a source's reader is shown from now on."""
    seen: list[Frame] = []
    reader = source._reader
    skim = reader.skim

    def note(item: Frame) -> Any:
        seen.append(item)
        return skim(item)

    monkeypatch.setattr(reader, "skim", note)
    return seen


def begun(name: str) -> StreamSource:
    source = StreamSource(protocol(name), Framing.SSE, max_event=1 << 20)
    source.feed(b"".join(named(name, data) for data in [*OPENING[name], TEXT[name]("Hello"), TEXT[name](" there")]))
    source.feed(named(name, TEXT[name](" and there")))
    return source


@pytest.mark.parametrize("name", ["openai_chat", "anthropic", "openai_responses"])
def test_frames_that_are_alike_are_not_looked_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = begun(name)
    seen = looks(source, monkeypatch)
    texts = ["a", "é 😀", 'say "x"\n', "\\", "x" * 9000]
    frames = [named(name, TEXT[name](json.dumps(text)[1:-1])) for text in texts]
    for frame, text in zip(frames, texts, strict=True):
        assert source.pour(frame) == [Growth(0, [text])]
    assert source.pour(b"".join(frames)) == [Growth(0, texts)]
    # Wherever a run is cut, what is whole is taken in one go.
    whole = b"".join(frames)
    assert [each for piece in cut(whole, 100) for each in source.feed(piece)] == Growth(0, texts).deltas()
    assert seen == []
    source.pour(named(name, TEXT[name]("")))
    assert seen != []


@pytest.mark.parametrize("text", ["id", ":", ",", "", "m", "content", 'Between two quotes, "these"\n'])
def test_a_text_that_may_stand_elsewhere_makes_no_mould(text: str) -> None:
    source = StreamSource(protocol("openai_chat"), Framing.SSE, max_event=1 << 20)
    source.feed(named("openai_chat", chat("Hello")) + named("openai_chat", chat(json.dumps(text)[1:-1])))
    assert source._mould is None


def test_a_text_that_only_seems_to_stand_where_it_stands() -> None:
    """The words are the text of the answer, spelled otherwise, and stand once as they are: as somebody else's name."""
    source = StreamSource(protocol("openai_chat"), Framing.SSE, max_event=1 << 20)
    escaped = chat("\\u0077ords").replace('"id":"c"', '"id":"words"')
    source.feed(named("openai_chat", chat("Hello")) + named("openai_chat", escaped))
    assert source._mould is None
    assert source.feed(named("openai_chat", escaped.replace('"words"', '"others"'))) == [
        TextDelta(index=0, text="words")
    ]


def test_arguments_are_told_of_though_nobody_wants_their_words() -> None:
    passage = StreamPassage(protocol("anthropic"), Framing.SSE, max_event=1 << 20)
    for data in OPENING["anthropic"] + CALLING["anthropic"]:
        passage.feed(named("anthropic", data))
        passage.catch_up()
    frames = [named("anthropic", ARGUMENTS["anthropic"][0].replace("@", text)) for text in ("a", "b", "c")]
    for frame in frames:
        assert passage.feed(frame) == (frame, [])
        heard = passage.catch_up()
        assert [type(event) for event in heard] == [ToolArgsDelta]
    assert passage._source._mould is not None
    _, translation = translations("anthropic", "openai_chat")
    for data in OPENING["anthropic"] + CALLING["anthropic"]:
        translation.feed(named("anthropic", data))
    for piece in (frames[0], frames[1], b"".join(frames)):
        _, heard = translation.feed(piece)
        assert [type(event) for event in heard] == [ToolArgsDelta]


@pytest.mark.parametrize(("source", "target"), [pair for pair in PAIRS if pair[0] != "gemini"])
def test_the_text_of_a_custom_tool_is_unwrapped(source: str, target: str) -> None:
    template = {
        "openai_chat": calling('"index":1,"function":{"arguments":"@"}'),
        "anthropic": ARGUMENTS["anthropic"][1].replace("#", ""),
        "openai_responses": ARGUMENTS["openai_responses"][0].replace(',"obfuscation":"#"', ""),
    }[source]
    opening = [named(source, data) for data in OPENING[source] + CALLING[source]]
    if source == "openai_responses":  # whose first call is a function's
        opening = [data.replace(b'"name":"f"', b'"name":"g"') for data in opening]
    pieces = ('{\\"input\\": \\"', "a", "b", "c\\\\n", "d", '\\"', "}")
    frames = [named(source, template.replace("@", piece)) for piece in pieces]
    got = translated_alike([*opening, *frames], *translations(source, target))
    assert b'{\\"input\\": ' not in got
    translated_alike([*opening, b"".join(frames)], *translations(source, target))


def test_a_frame_that_follows_half_of_another_is_no_frame() -> None:
    frame = named("openai_chat", chat("words"))
    for torn in (b"data: {", b": comment", b"\r", b"x"):
        translated_alike([*[frame] * 3, torn, frame, frame, frame], *translations("openai_chat", "anthropic"))


def test_a_text_whose_place_is_taken_for_padding() -> None:
    """Name and text are the same words in two frames, so that the name seems to be the text, and the text what may differ."""
    source = StreamSource(protocol("openai_chat"), Framing.SSE, max_event=1 << 20)
    source.feed(named("openai_chat", chat("Hello")))
    for text in ("words", "turns"):
        source.feed(
            named("openai_chat", chat(f"\\u00{ord(text[0]):02x}{text[1:]}").replace('"id":"c"', f'"id":"{text}"'))
        )
    other = named("openai_chat", chat("more").replace('"id":"c"', '"id":"name"'))
    assert source.feed(other) == [TextDelta(index=0, text="more")]


@pytest.mark.parametrize("padded", [False, True])
def test_numbers_of_events_are_taken_note_of(padded: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def frame(text: str, number: int) -> bytes:
        padding = f',"logprobs":[],"obfuscation":"{"x" * (number % 7)}"}}' if padded else "}"
        return named("openai_responses", responses(text, number=f'"sequence_number":{number},')[:-1] + padding)

    source = begun("openai_responses")
    for number in (4, 5, 6):
        source.feed(frame("Hello", number))
    seen = looks(source, monkeypatch)
    for number in (7, 8, 10):
        assert source.pour(frame("words", number)) == [Growth(0, ["words"])]
        assert source.seen.sequence_number == number
    source.pour(frame("a", 11) + frame("b", 12) + frame("c", 130)[:-1])
    assert source.seen.sequence_number == 12
    source.pour(b"\n")
    assert source.seen.sequence_number == 130
    assert seen == []
    # And what was said is known to have been said.
    whole = "".join(("Hello", " there", " and there", *["Hello"] * 3, *["words"] * 3, "abc"))
    done = (
        f'{{"type":"response.output_text.done","output_index":0,"item_id":"i","content_index":0,"text":"{whole} end"}}'
    )
    assert source.feed(named("openai_responses", done)) == [TextDelta(index=0, text=" end")]


PADDED: dict[str, Callable[[str, int], str]] = {
    "openai_chat": lambda text, size: chat(text)[:-1] + ',"obfuscation":"' + "x7Y" * size + '"}',
    "anthropic": lambda text, size: messages(text, end=" " * size),
}


@pytest.mark.parametrize("name", PADDED)
def test_padding_does_not_matter(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    source = begun(name)
    for size in (3, 1):
        source.feed(named(name, PADDED[name]("words", size)))
    seen = looks(source, monkeypatch)
    frames = [named(name, PADDED[name]("words", size)) for size in (0, 1, 2, 9, 0)]
    assert [each for frame in frames for each in source.pour(frame)] == [Growth(0, ["words"])] * 5
    assert source.pour(b"".join(frames)) == [Growth(0, ["words"] * 5)]
    assert seen == []


def test_frames_that_differ_in_more_than_their_words_are_no_models_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def frame(number: int) -> bytes:
        return named("openai_chat", chat("words").replace('"c"', f'"{number}"')[:-1] + f',"obfuscation":"{number}"}}')

    source = begun("openai_chat")
    for number in range(100):
        source.feed(frame(number))
    seen = looks(source, monkeypatch)
    source.feed(frame(100))
    assert len(seen) == 1  # no trial any more
    # Where one was of use, others may be.
    source = begun("openai_chat")
    for number in range(100):
        for _ in range(2):
            source.feed(named("openai_chat", chat("words").replace('"created":1', f'"created":{number}')))
    seen = looks(source, monkeypatch)
    source.feed(named("openai_chat", chat("words").replace('"created":1', '"created":99')))
    assert seen == []


def test_a_part_that_nobody_expects_does_not_spoil_those_behind_it() -> None:
    source = begun("openai_chat")
    odd = named("openai_chat", chat("words")[:-1] + ',"odd":1}')
    assert source.pour(odd * 1000) == [TextDelta(index=0, text="words")] * 1000
    assert source.pour(named("openai_chat", chat("words"))) == [TextDelta(index=0, text="words")]
    for _ in range(70):
        source.feed(named("openai_chat", chat("words")))
    assert source.pour(named("openai_chat", chat("more"))) == [Growth(0, ["more"])]


@pytest.mark.parametrize("target", NAMES)
@pytest.mark.parametrize("source", ["openai_chat", "anthropic", "openai_responses"])
def test_what_goes_on_frame_by_frame_is_only_cast_and_pressed(source: str, target: str) -> None:
    long, short = translations(source, target)
    opening = [named(source, data) for data in OPENING[source]]
    translated_alike([*opening, *(named(source, TEXT[source](text)) for text in ("a", "b", "c"))], long, short)
    assert short._steady is None  # after the end
    long, short = translations(source, target)
    for piece in [*opening, *(named(source, TEXT[source](text)) for text in ("a", "b", "c"))]:
        assert short.feed(piece)[0] == long.feed(piece)[0]
    assert short._steady is not None
    poured: list[bytes] = []
    short._source.pour = poured.append  # type: ignore[assignment, method-assign]
    for text in ("d", "\\u00e9\\n", "f"):
        piece = named(source, TEXT[source](text))
        assert short.feed(piece)[0] == long.feed(piece)[0] != b""
    assert not poured


@pytest.mark.parametrize("name", ["gemini", "anthropic"])
def test_what_has_to_wait_is_neither_pressed_nor_told_in_one_step(name: str) -> None:
    writer = protocol(name).stream_writer(CONTEXT)
    first = TextDelta(index=0, text="a")
    call = ToolCallStarted(index=1, call_id="c", name="f")
    for event in (ResponseStarted(id="r", model="m"), PartStarted(index=0, kind=PartKind.TEXT), first, call):
        writer.feed(event)
    arguments = Growth(1, ["{"], ToolArgsDelta)
    assert writer.press(arguments) is None
    assert writer.more(arguments) is None


def test_a_frame_that_is_too_long_is_refused_on_either_way() -> None:
    whole = [named("openai_chat", chat("x" * size)) for size in (5, 5, 5, 700, 900, 5)]
    for pieces in (whole, [b"".join(whole)], cut(b"".join(whole), 100)):
        translated_alike(pieces, *translations("openai_chat", "anthropic", max_event=1000))


def test_an_answer_that_is_cut_at_stop_sequences_is_told_delta_by_delta() -> None:
    source = RefinedSource(
        AnySource(protocol("openai_chat"), Framing.SSE, max_event=1000, limit=1000), StopCutter(["never"])
    )
    frame = named("openai_chat", chat("Hello"))
    assert source.settled is source
    assert [type(each) for each in source.pour(b"  " + frame * 3)][1:] == [PartStarted, *[TextDelta] * 3]


def test_white_space_before_a_stream_is_poured_away() -> None:
    source = AnySource(protocol("openai_chat"), Framing.SSE, max_event=1000, limit=1000)
    assert source.pour(b" \n") == []
    assert source.settled is source
    assert len(source.pour(b"\n" + named("openai_chat", chat("Hello")) * 2)) == 4
    assert isinstance(source.settled, StreamSource)
    assert source.settled.settled is source.settled
    decoder = SSEDecoder()
    assert decoder.blocks(b"data: a\n\ndata: b") == [b"data: a"]
    assert not decoder.empty
