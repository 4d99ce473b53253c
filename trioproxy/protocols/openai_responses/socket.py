"""The WebSocket mode of the Responses API: what a client's messages ask, and which messages answer it.

Sources: OpenAI's guide "WebSocket Mode" and the types of its SDKs (``ResponsesClientEvent``, ``ResponseWsError`` of openai 3.57), Codex's client
(``codex-rs/codex-api/src/endpoint/responses_websocket.rs``), read in November 2026. A message of the server is the data of the event that
``POST /v1/responses`` would stream; there is no ``[DONE]``. Errors differ: they carry a status and the error itself in ``error``. Clients that
know the flat error of a stream find its members beside that.

Lanes. ``stream_id`` names a lane: one lane answers in order, lanes run side by side, and each message for a lane says which. Most clients have
the one without a name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import attrs

from trioproxy.errors import ClientFault, ErrorKind, Failure
from trioproxy.neutral.continuation import NOT_FOUND
from trioproxy.protocols.openai_responses.conversations import input_items
from trioproxy.protocols.openai_responses.errors import render_error
from trioproxy.protocols.openai_responses.usage import write_usage
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads, loads_object

__all__ = [
    "TURN_STATE",
    "Ask",
    "Steer",
    "error_event",
    "error_of_answer",
    "failure_event",
    "in_lane",
    "not_steered",
    "read_message",
    "request_body",
    "socket_error",
    "warm_up",
    "whole_answer",
]

TURN_STATE = "x-codex-turn-state"
"""Codex's sticky token of a turn: a header over HTTP, a member of ``client_metadata`` over a socket."""

_LANE = re.compile(r"[A-Za-z0-9_.-]{1,256}")
_PREVIOUS = ("previous_response_id", "conversation_id")
_OF_THE_SOCKET = ("type", "stream_id", "generate", "stream", "background", "input", *_PREVIOUS)
_TERMINAL = ("completed", "incomplete", "failed")


@attrs.frozen(kw_only=True)
class Ask:
    """``response.create`` or ``response.append``: ``members`` are those of the request but for its input and what belongs to the socket.

    ``previous`` is the response that it follows, None where it says none. ``generate`` false asks for no answer, only to be prepared.
    """

    members: Object
    items: list[JSON]
    previous: str | None = None
    append: bool = False
    generate: bool = True
    lane: str | None = None

    @property
    def turn_state(self) -> str | None:
        """Codex's sticky token."""
        metadata = self.members.get("client_metadata")
        value = metadata.get(TURN_STATE) if isinstance(metadata, dict) else None
        return value if isinstance(value, str) else None


@attrs.frozen(kw_only=True)
class Steer:
    """``response.steer``: input for a response that is under way."""

    previous: str
    given: JSON


def read_message(text: str | bytes) -> Ask | Steer | None:
    """What a client's message asks, None where nothing is to be done about it.

    Raises:
        ClientFault: INVALID_REQUEST, it is none of a client's messages.
    """
    if isinstance(text, bytes):
        raise _fault("A binary message means nothing here: send each event as a text message of JSON.")
    try:
        document = loads_object(text)
    except JSONError as exc:
        raise _fault(f"The message is not a JSON object: {exc}.") from None
    kind = document.get("type")
    match kind:
        case "response.create" | "response.append":
            return _ask(document, append=kind == "response.append")
        case "response.steer":
            previous = document.get("previous_response_id")
            return Steer(previous=previous if isinstance(previous, str) else "", given=document.get("input"))
        case "response.processed":
            return None  # Codex's receipt for a response
        case _:
            raise _fault("`type` must be response.create, response.append or response.steer.", param="type")


def _ask(document: Object, *, append: bool) -> Ask:
    lane = document.get("stream_id")
    if lane is not None and not (isinstance(lane, str) and _LANE.fullmatch(lane)):
        raise _fault("`stream_id` must be 1 to 256 letters, digits, `_`, `-` or `.`.", param="stream_id")
    if document.get("background"):
        raise _fault("`background` is not for sockets: responses are streamed on them.", param="background")
    generate = document.get("generate", True)
    if not isinstance(generate, bool):
        raise _fault("`generate` must be true or false.", param="generate")
    given = [document[name] for name in _PREVIOUS if document.get(name)]
    if given and not isinstance(given[0], str):
        raise _fault("`previous_response_id` must be the id of a response.", param="previous_response_id")
    return Ask(
        members={name: value for name, value in document.items() if name not in _OF_THE_SOCKET},
        items=input_items(document.get("input")),
        previous=given[0] if given else None,
        append=append,
        generate=generate,
        lane=lane,
    )


def request_body(members: bytes, items: bytes, previous: str | None = None) -> bytes:
    """The body of ``POST /v1/responses`` that asks the same: ``members`` is the encoded rest of it, ``items`` the encoded input."""
    rest = b'"stream":true,"input":%b' % items
    if previous is not None:
        rest = b'"previous_response_id":%b,%b' % (dumps(previous), rest)
    return b"{%b}" % rest if members == b"{}" else b"%b,%b}" % (members[:-1], rest)


# The server's messages.


def in_lane(data: bytes, lane: str | None) -> str:
    """An event's data as a message for ``lane``."""
    if lane is not None:
        whole = data.rstrip()
        if whole.endswith(b"}"):
            data = b'%b,"stream_id":%b}' % (whole[:-1].rstrip(), dumps(lane))
    return data.decode("utf-8", "replace")


def failure_event(failure: Failure, headers: Mapping[str, str] | None = None) -> bytes:
    """The message that says that a request came to nothing."""
    return error_event(failure.http_status, render_error(failure)["error"], headers)


def error_event(status: int, error: Object, headers: Mapping[str, str] | None = None) -> bytes:
    """An error message. ``headers`` are those that clients of HTTP would act on."""
    code = error.get("code")
    if error.get("param") in _PREVIOUS and code in (None, "invalid_request", "unsupported"):
        error = {**error, "code": NOT_FOUND}
    error = {"type": "invalid_request_error", "code": None, "message": "", "param": None, **error}
    event: Object = {"type": "error", "status": status, "error": error}
    if headers:
        event["headers"] = dict(headers)
    return dumps({**event, **{name: error[name] for name in ("code", "message", "param")}})


def error_of_answer(status: int, body: bytes, headers: Mapping[str, str]) -> bytes:
    """The error message for an answer of HTTP with an error status."""
    try:
        document = loads(body)
    except JSONError:
        document = None
    error = document.get("error") if isinstance(document, dict) else None
    if isinstance(error, dict):
        return error_event(status, error, headers)
    said = error if isinstance(error, str) else body[:2000].decode("utf-8", "replace").strip()
    return error_event(status, {"message": said or f"the request failed with status {status}"}, headers)


def socket_error(data: bytes) -> bytes:
    """The data of a stream's ``error`` event as a socket says it: with a status, the error itself in ``error``."""
    try:
        event = loads_object(data)
    except JSONError:
        return data
    if event.get("type") != "error":
        return data
    inner = event.get("error")
    error = (
        dict(inner) if isinstance(inner, dict) else {n: event[n] for n in ("code", "message", "param") if n in event}
    )
    error.setdefault("type", "server_error")
    status = event.get("status", event.get("status_code"))
    told = error_event(status if isinstance(status, int) and status >= 400 else 500, error)
    return dumps({**event, **loads_object(told)})


def not_steered(steer: Steer) -> bytes:
    """The message that gives steering input back: nothing behind this proxy can be steered."""
    return dumps(
        {
            "type": "response.steer.failed",
            "sequence_number": 0,
            "error": {
                "type": "invalid_request_error",
                "code": "steering_not_supported",
                "message": "This proxy does not pass steering on: send the input with the next response.create.",
            },
            "steer": {"previous_response_id": steer.previous, "input": steer.given},
        }
    )


def warm_up(response_id: str, ask: Ask, now: int) -> list[bytes]:
    """The messages that answer a request which asks for none: created, and completed without output."""
    response: Object = {
        "id": response_id,
        "object": "response",
        "created_at": now,
        "status": "in_progress",
        "model": ask.members.get("model"),
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "metadata": {},
        "temperature": None,
        "top_p": None,
    }
    return _numbered(
        {"type": "response.created", "response": response},
        {"type": "response.completed", "response": {**response, "status": "completed", "usage": write_usage(None)}},
    )


def whole_answer(body: bytes) -> list[bytes]:
    """The messages for an answer that came whole although a stream was asked for.

    Raises:
        JSONError: it is no JSON object.
    """
    response = loads_object(body)
    status = response.get("status")
    output = response.get("output")
    items: list[Any] = output if isinstance(output, list) else []
    return _numbered(
        {"type": "response.created", "response": {**response, "status": "in_progress", "output": []}},
        *({"type": "response.output_item.done", "output_index": n, "item": item} for n, item in enumerate(items)),
        {"type": f"response.{status if status in _TERMINAL else 'completed'}", "response": response},
    )


def _numbered(*events: Object) -> list[bytes]:
    return [dumps({**event, "sequence_number": number}) for number, event in enumerate(events)]


def _fault(message: str, *, param: str | None = None) -> ClientFault:
    return ClientFault(ErrorKind.INVALID_REQUEST, message, param=param)
