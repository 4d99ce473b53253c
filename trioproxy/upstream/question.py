"""What a request asks, as recordings are compared with it. Pure.

Knows: how the requests of the four protocols show their operation, model, tools and last turn. Refuses to know: what is compared with what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, unquote

import attrs

from trioproxy.upstream.fixture import RecordedRequest
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, dumps, loads

__all__ = ["NO_RECORDING", "OPERATION", "VOLATILE", "Question"]

NO_RECORDING = "no_recording"
"""The code of the error that a request gets which no recording answers."""
OPERATION = "operation"
"""Where two questions differ that have nothing in common."""

VOLATILE = ("user", "safety_identifier", "prompt_cache_key", "metadata.user_id", "client_metadata")
"""Dotted paths in a request body that are not compared unless a caller says otherwise."""

_OPERATION = re.compile(
    r"(?:^|/)(chat/completions|responses/compact|responses/input_tokens|responses|messages/count_tokens|messages|completions|embeddings"
    r"|images/\w+|audio/\w+|moderations|models|models/[^/:]+)/?$"
)
_MODEL_OPERATION = re.compile(r"(?:^|/)models/([^/:]+):(\w+)$")


@attrs.frozen(kw_only=True)
class Question:
    """A request as recordings are compared with it. ``last_turn`` is the text of the last message, a tool's result too."""

    method: str
    operation: str
    model: str
    stream: bool
    tools: tuple[str, ...]
    last_turn: str
    answers_tool: bool
    reasoning: bool
    query: tuple[tuple[str, str], ...]
    document: JSON

    @classmethod
    def of(cls, request: RecordedRequest, *, volatile: Sequence[str] = VOLATILE) -> Question:
        """Read a request. A body that is no JSON is compared as text."""
        operation, model = _operation(request.path)
        try:
            document: JSON = loads(request.body) if request.body else {}
        except JSONError:
            document = request.body.decode("utf-8", "replace")
        body: Object = document if isinstance(document, dict) else {}
        turn, answers_tool = _last_turn(body)
        # A key in the query is no part of the question.
        query = tuple(sorted((name, value) for name, value in parse_qsl(request.query) if name.lower() != "key"))
        return cls(
            method=request.method,
            operation=operation,
            model=model or str(body.get("model", "")),
            stream=operation == "streamGenerateContent" or body.get("stream") is True,
            tools=tuple(sorted(_tool_names(body))),
            last_turn=turn,
            answers_tool=answers_tool,
            reasoning=_wants_reasoning(body),
            query=query,
            document=_without(document, [path.split(".") for path in volatile]),
        )

    @property
    def framing(self) -> str:
        """How Gemini's streams are asked for: ``sse``, or "" for one JSON array."""
        return dict(self.query).get("alt", "") if self.operation == "streamGenerateContent" else ""

    def __str__(self) -> str:
        model = f" for {self.model}" if self.model else ""
        return f"{self.method} {self.operation}{model}{', streamed' if self.stream else ''}"

    def shape(self) -> Object:
        """What :attr:`MatchMode.SHAPE` compares."""
        return {
            "method": self.method,
            OPERATION: self.operation,
            "model": self.model,
            "stream": self.stream,
            "framing": self.framing,
            "tools": list(self.tools),
            "last turn": self.last_turn,
        }

    def whole(self) -> Object:
        """What :attr:`MatchMode.STRICT` compares."""
        return {
            "method": self.method,
            OPERATION: self.operation,
            "model": self.model,
            "query": [list(pair) for pair in self.query],
            "body": self.document,
        }


def _operation(path: str) -> tuple[str, str]:
    """The operation that a path names, wherever it is mounted, and the model where the path names one."""
    path = unquote(path)
    if found := _MODEL_OPERATION.search(path):
        return found[2], found[1]
    if found := _OPERATION.search(path):
        return found[1], ""
    return path, ""


def _tool_names(body: Object) -> Iterator[str]:
    tools = body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        if not isinstance(tool, dict):
            continue
        declared = tool.get("functionDeclarations") or tool.get("function_declarations")
        for each in declared if isinstance(declared, list) else (tool.get("function"), tool):
            if isinstance(each, dict) and isinstance(each.get("name"), str):
                yield each["name"]
                if each is not tool and not declared:
                    break


def _last_turn(body: Object) -> tuple[str, bool]:
    """The text of the last message and whether it is a tool's result."""
    for name in ("messages", "input", "contents"):
        turns = body.get(name)
        if isinstance(turns, str):
            return turns, False
        if isinstance(turns, list) and turns:
            last = turns[-1]
            return "\n".join(_texts(last)), _is_tool_result(last)
    return "", False


def _texts(value: JSON) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name in (
            "content",
            "text",
            "output",
            "parts",
            "functionResponse",
            "function_response",
            "response",
            "result",
        ):
            if name in value:
                item = value[name]
                # A result may be any JSON at all.
                yield from _texts(item) if name not in ("response", "result") else (dumps(item).decode(),)


def _is_tool_result(turn: JSON) -> bool:
    if not isinstance(turn, dict):
        return False
    if turn.get("role") == "tool" or str(turn.get("type", "")).endswith("_output"):
        return True
    parts = turn.get("content") if isinstance(turn.get("content"), list) else turn.get("parts")
    return any(
        isinstance(part, dict)
        and (part.get("type") == "tool_result" or "functionResponse" in part or "function_response" in part)
        for part in (parts if isinstance(parts, list) else ())
    )


def _wants_reasoning(body: Object) -> bool:
    thinking = body.get("thinking")
    if isinstance(thinking, dict):
        return thinking.get("type") != "disabled"
    config = body.get("generationConfig")
    if isinstance(config, dict) and isinstance(config.get("thinkingConfig"), dict):
        return bool(config["thinkingConfig"].get("includeThoughts"))
    return bool(body.get("reasoning") or body.get("reasoning_effort"))


def _without(value: JSON, paths: Iterable[list[str]]) -> JSON:
    """``value`` without the members that ``paths`` name."""
    paths = list(paths)
    if not isinstance(value, dict) or not paths:
        return value
    kept: Object = {}
    for name, item in value.items():
        below = [path[1:] for path in paths if path[0] == name]
        if [] in below:
            continue
        remaining = _without(item, below)
        # An object that held nothing else is gone with what it held.
        if not (below and remaining == {} and item):
            kept[name] = remaining
    return kept
