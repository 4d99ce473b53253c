"""What the tests of this room share: requests to peek at, recordings as events, and an independent reading of Gemini's JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

import attrs

from tests.support.recordings import Recording, recording_params
from trioproxy.neutral.events import Event
from trioproxy.neutral.grammar import Grammar
from trioproxy.neutral.parts import Reasoning, Refusal, Text, ToolCall, ToolKind
from trioproxy.neutral.request import Conversation
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Asked, Endpoint, PeekRequest, Reader, WriteContext, WriteTarget, Written
from trioproxy.protocols.gemini import PROTOCOL
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsonarray import JSONArrayDecoder
from trioproxy.wire.jsoncodec import dumps, loads
from trioproxy.wire.sse import SSEDecoder

CONTEXT = WriteContext(model="asked-model", now=1_700_000_000, token="c0ffee")
GEMINI_3 = WriteTarget(model="gemini-3-flash-preview")
GEMINI_2 = WriteTarget(model="gemini-2.5-flash")


def endpoint(verb: str = "generateContent", place: str = "/v1beta/models/{model}") -> Endpoint:
    """The endpoint of one verb."""
    return next(each for each in PROTOCOL.endpoints if each.path == f"{place}:{verb}")


def peeked(document: Any = None, *, verb: str = "generateContent", query: str = "", model: str = "gemini-x") -> Asked:
    """What is asked with this body."""
    body = dumps({} if document is None else document)
    return PROTOCOL.peek(
        PeekRequest(
            endpoint=endpoint(verb), params={"model": model}, query=query, content_type="application/json", body=body
        )
    )


def read(document: Any, *, verb: str = "generateContent") -> Conversation:
    """A request's conversation."""
    return PROTOCOL.read_request(document, peeked(verb=verb))


def rewritten(document: Any, target: WriteTarget = GEMINI_2) -> Written:
    """A request read and written again."""
    return PROTOCOL.write_request(read(document), target)


def legal(events: Iterable[Event]) -> list[Event]:
    """The events, which must be in legal order and have an end."""
    grammar = Grammar()
    checked = [grammar.feed(event)[0] for event in events]
    grammar.close()
    return checked


def read_frames(frames: Iterable[Frame], reader: Reader | None = None) -> list[Event]:
    """The events of a stream of frames."""
    reader = reader or PROTOCOL.stream_reader()
    events = [event for frame in frames for event in reader.feed(frame)]
    return legal([*events, *reader.close()])


def decoder(recording: Recording) -> SSEDecoder | JSONArrayDecoder:
    """The framing of a recording."""
    return SSEDecoder() if recording.stream else JSONArrayDecoder()


def frames_of(recording: Recording) -> list[Frame]:
    """A recording's frames; a whole body is one."""
    machine = decoder(recording)
    return [*machine.feed(recording.body), *machine.close()]


def answered() -> list[Any]:
    """Parameters: every recording that is an answer."""
    return [each for each in recording_params("gemini") if each.values[0] is None or each.values[0].status == 200]


def requested() -> list[Any]:
    """Parameters: every recording with a request body."""
    return [each for each in recording_params("gemini") if each.values[0] is None or request_of(each.values[0])]


def request_of(recording: Recording) -> Any:
    """The request's body, None where it was not kept."""
    body = recording.request.get("body") if recording.request else None
    return body if isinstance(body, dict) else None


def model_of(recording: Recording) -> str:
    """The model a recording's URL names."""
    path = urlsplit(recording.request["url"]).path if recording.request else ""
    return path.rpartition("/")[2].partition(":")[0]


def said(answer: Answer) -> dict[str, Any]:
    """What a Gemini client can know of an answer."""
    thoughts = [
        "\n\n".join(each for each in (part.text, *part.summary) if each)
        for part in answer.parts
        if isinstance(part, Reasoning)
    ]
    calls = [part for part in answer.parts if isinstance(part, ToolCall)]
    signed = [part for part in answer.parts if isinstance(part, Text | Reasoning | ToolCall)]
    usage = answer.usage or Usage(input=0, output=0)
    output = max(usage.output or 0, usage.reasoning or 0)
    return {
        "text": "".join(part.text for part in answer.parts if isinstance(part, Text | Refusal)),
        "thoughts": "".join(thoughts),
        "calls": [
            (
                call.call_id,
                call.name,
                {"input": call.arguments} if call.kind is ToolKind.CUSTOM else loads(call.arguments),
            )
            for call in calls
        ],
        "signatures": [part.signature for part in signed if part.signature is not None],
        "usage": attrs.evolve(usage, output=output, cache_write=None),
        "failed": answer.failure is not None,
    }


# Values under these names are the user's data or schemas: their keys are not Google's.
_DATA = frozenset({"args", "response", "parameters", "parametersJsonSchema", "responseSchema", "responseJsonSchema"})


def camelised(value: Any) -> Any:
    """Google's field names in camelCase, all the way down; values of null left out."""
    if isinstance(value, list):
        return [camelised(each) for each in value]
    if not isinstance(value, dict):
        return value
    spelled = {re.sub(r"_([a-z])", lambda found: found[1].upper(), key): each for key, each in value.items()}
    return {key: each if key in _DATA else camelised(each) for key, each in spelled.items() if each is not None}


def normalised(request: Any) -> Any:
    """A request in the spelling our writer uses (docs/protocols/gemini.md, "Spelling")."""
    body = camelised(json.loads(json.dumps(request)))
    contents: list[Any] = []
    for content in body["contents"] if isinstance(body["contents"], list) else [body["contents"]]:
        role = {"model": "model"}.get(content.pop("role", "user"), "user")
        parts = content.pop("parts", [])
        for part in parts:
            if "inlineData" in part:
                part["inlineData"]["data"] = part["inlineData"]["data"].replace("-", "+").replace("_", "/")
        if contents and contents[-1]["role"] == role and not content:
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({**content, "role": role, "parts": parts})
    body["contents"] = contents
    if body.get("generationConfig") == {}:
        del body["generationConfig"]
    tools = body.pop("tools", [])
    entries = [dict(each) for each in (tools if isinstance(tools, list) else [tools])]
    functions = [function for each in entries for function in each.pop("functionDeclarations", [])]
    built_in = [{name: value} for each in entries for name, value in each.items()]
    if functions or built_in:
        body["tools"] = [*([{"functionDeclarations": functions}] if functions else []), *built_in]
    return body
