"""What a request asks, as recordings are compared with it. Pure.

Knows: how the requests of the four protocols show their operation, model and tools (their last turn is ``turn``'s). Refuses to know: what
is compared with what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from urllib.parse import parse_qsl, unquote

import attrs

from trioproxy.upstream.fixture import RecordedRequest
from trioproxy.upstream.turn import read_turn
from trioproxy.wire.jsoncodec import JSON, JSONError, Object, loads

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
    """A request as recordings are compared with it. ``last_turn`` is what the user said last, ``results`` are those of tools since;
    ``as_json`` says that the answer is to be JSON."""

    method: str
    operation: str
    model: str
    stream: bool
    tools: tuple[str, ...]
    last_turn: str
    results: tuple[str, ...]
    reasoning: bool
    as_json: bool
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
        turn = read_turn(body)
        # A key in the query is no part of the question.
        query = tuple(sorted((name, value) for name, value in parse_qsl(request.query) if name.lower() != "key"))
        return cls(
            method=request.method,
            operation=operation,
            model=model or str(body.get("model", "")),
            stream=operation == "streamGenerateContent" or body.get("stream") is True,
            tools=tuple(sorted(_tool_names(body))),
            last_turn=turn.text,
            results=turn.results,
            reasoning=_wants_reasoning(body),
            as_json=_wants_json(body),
            query=query,
            document=_without(document, [path.split(".") for path in volatile]),
        )

    @property
    def is_known(self) -> bool:
        """Whether the path names an operation of a model's API at all."""
        return not self.operation.startswith("/")

    @property
    def answers_tool(self) -> bool:
        """Whether the last turn is a tool's."""
        return bool(self.results)

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
            "results of tools": len(self.results),
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


def _wants_reasoning(body: Object) -> bool:
    thinking = body.get("thinking")
    if isinstance(thinking, dict):
        return thinking.get("type") != "disabled"
    config = body.get("generationConfig")
    if isinstance(config, dict) and isinstance(config.get("thinkingConfig"), dict):
        return bool(config["thinkingConfig"].get("includeThoughts"))
    return bool(body.get("reasoning") or body.get("reasoning_effort"))


_FORMATS = (("response_format",), ("text", "format"), ("output_config", "format"), ("output_format",))
"""Where the protocols say what form an answer is to have: an object whose ``type`` is ``text``, or one of those for JSON."""


def _wants_json(body: Object) -> bool:
    if _within(body, "generationConfig", "responseMimeType") == "application/json":
        return True
    return any(str(_within(body, *path, "type")).startswith("json") for path in _FORMATS)


def _within(value: JSON, *path: str) -> JSON:
    """What stands at ``path``, None where nothing does."""
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _without(value: JSON, paths: Iterable[list[str]]) -> JSON:
    """``value`` without the members that ``paths`` name; ``*`` is any name or number."""
    paths = list(paths)
    if not paths or not isinstance(value, (dict, list)):
        return value
    named = [(str(name), item) for name, item in (value.items() if isinstance(value, dict) else enumerate(value))]
    kept: list[tuple[str, JSON]] = []
    for name, item in named:
        below = [path[1:] for path in paths if path[0] in (name, "*")]
        if [] in below:
            continue
        remaining = _without(item, below)
        # An object that held nothing else is gone with what it held.
        if not (below and remaining == {} and item):
            kept.append((name, remaining))
    return dict(kept) if isinstance(value, dict) else [item for _, item in kept]
