"""What every test of requests shares: recorded requests as conversations, and what a request means without its spelling."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any, TypeAlias

import attrs

from tests.support.recordings import recordings
from tests.translation.gists import canonical
from trioproxy.neutral.naming import ToolNaming
from trioproxy.neutral.parts import Base64Source, Media, Part, Reasoning, Text, ToolCall, ToolKind, ToolResult
from trioproxy.neutral.request import Conversation, Effort, Tool, Turn
from trioproxy.protocols.base import Asked, Operation, PeekRequest
from trioproxy.protocols.table import protocol
from trioproxy.wire.jsoncodec import dumps

__all__ = ["MODELS", "RequestGist", "asked", "joined", "read_request", "request_gist", "requested"]

Said: TypeAlias = tuple[str, ...]
_LOOP = ("call", "result")

MODELS = {
    "openai_chat": "gpt-4.1",
    "openai_responses": "gpt-5",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-3-flash-preview",
}
"""A model of each protocol that can do what the recordings ask for."""


def asked(name: str, document: Any) -> Asked:
    """The request as it is peeked at."""
    spoken = protocol(name)
    endpoint = next(
        each for each in spoken.endpoints if each.operation is Operation.GENERATE and each.path != "/v1/completions"
    )
    return spoken.peek(
        PeekRequest(
            endpoint=endpoint, params={"model": "m"}, query="", content_type="application/json", body=dumps(document)
        )
    )


def read_request(name: str, document: Any) -> Conversation:
    """A request's conversation."""
    return protocol(name).read_request(document, asked(name, document))


@functools.cache
def requested(name: str) -> tuple[tuple[str, Conversation], ...]:
    """Every recorded request for an answer: its id and its conversation."""
    return tuple(
        (each.id, read_request(name, each.request["body"]))
        for each in recordings(name)
        if each.request and isinstance(each.request.get("body"), dict) and _generates(each.request["url"])
    )


def _generates(url: str) -> bool:
    return not any(word in url for word in ("count_tokens", "countTokens", "compact", "input_tokens"))


@attrs.frozen(kw_only=True)
class RequestGist:
    """A request without its spelling. ``words`` are texts, media and thoughts in order, each with who said it, neighbouring texts joined;
    ``loop`` are calls and their results in order, told by number, because ids may have to change."""

    system: str
    words: tuple[Said, ...]
    loop: tuple[Said, ...]
    tools: tuple[Said, ...]
    choice: Said
    parallel: bool
    max_tokens: int | None
    temperature: float | None
    top_p: float | None
    top_k: int | None
    stop: tuple[str, ...]
    seed: int | None
    thinks: str
    output: Said
    stream: bool
    user: str | None


def request_gist(said: Conversation, naming: ToolNaming | None = None) -> RequestGist:
    """The gist of a request. With ``naming``, tools have the client's own names again."""
    speaker = _Speaker({up: own for up, (own, _) in (naming or ToolNaming()).originals.items()})
    sampling = said.sampling
    parts = [each for turn in said.turns for each in speaker.turn(turn)]
    tools = [tool for tool in said.tools if isinstance(tool, Tool)]
    return RequestGist(
        system="\n\n".join(each.text for each in said.system if isinstance(each, Text)),
        words=joined([each for each in parts if each[1] not in _LOOP]),
        loop=tuple(each for each in parts if each[1] in _LOOP),
        tools=tuple(
            (speaker.named(tool.name), tool.description or "", *sorted((tool.schema or {}).get("properties", ())))
            for tool in tools
        ),
        choice=_choice(said, [tool.name for tool in tools], speaker),
        parallel=said.parallel_tools is not False,
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        top_k=sampling.top_k,
        stop=sampling.stop,
        seed=sampling.seed,
        thinks=_thinks(said),
        output=_output(said),
        stream=said.stream,
        user=said.user,
    )


def joined(words: Iterable[Said]) -> tuple[Said, ...]:
    """Neighbouring texts of one speaker as one text. Messages of the model's may stand in one, a blank line between them."""
    out: list[Said] = []
    for each in words:
        if each[:2] == ("assistant", "text"):
            each = (*each[:2], each[2].replace("\n\n", ""))
        if out and each[1] == "text" and out[-1][:2] == each[:2]:
            out[-1] = (*each[:2], out[-1][2] + each[2])
        else:
            out.append(each)
    return tuple(out)


def _choice(said: Conversation, declared: list[str], speaker: _Speaker) -> Said:
    """Among all tools that there are is among all tools."""
    if said.tool_choice is None:
        return ("auto",)
    names = [] if sorted(said.tool_choice.names) == sorted(declared) and len(declared) > 1 else said.tool_choice.names
    return (said.tool_choice.mode.value, *(speaker.named(name) for name in names))


def _name(medium: Media) -> str:
    """The name a document has; names that are made up where one is compulsory are none."""
    name = medium.filename or medium.title or ""
    return "" if name.startswith(("file.", "document.")) else name


class _Speaker:
    """Tells turns; numbers calls as they come."""

    def __init__(self, names: dict[str, str]) -> None:
        self._names = names
        self._numbers: dict[str, int] = {}

    def named(self, name: str) -> str:
        return self._names.get(name, name)

    def turn(self, turn: Turn) -> list[Said]:
        return [(turn.role.value, *each) for part in turn.parts for each in self._part(part)]

    def _part(self, part: Part) -> list[Said]:
        match part:
            case Text(text=text):
                return [("text", text)] if text else []
            case Media(kind=kind, source=Base64Source(data=data, mime=mime)):
                return [(kind.value, _name(part), mime, data)]
            case Media(kind=kind, source=source):
                return [(kind.value, _name(part), str(getattr(source, "url", source)))]
            case ToolCall():
                number = self._numbers.setdefault(part.call_id, len(self._numbers))
                arguments = part.arguments if part.kind is ToolKind.CUSTOM else canonical(part.arguments)
                return [("call", str(number), self.named(part.name), arguments)]
            case ToolResult():
                number = self._numbers.get(part.call_id, -1)
                inner = [piece for each in part.content for one in self._part(each) for piece in one]
                return [("result", str(number), *inner, "error" if part.is_error else "")]
            case Reasoning(text=text, summary=summary):
                thought = "\n\n".join(each for each in (text, *summary) if each)
                return [("reasoning", thought)] if thought else []
            case _:
                return []


def _thinks(said: Conversation) -> str:
    """Whether the model is to think."""
    ask = said.reasoning
    if ask is None or (ask.effort is None and ask.budget is None):
        return "unsaid"
    if ask.effort is Effort.AUTO or ask.budget == -1:
        return "as it likes"
    return "no" if ask.budget == 0 or ask.effort is Effort.NONE else "yes"


def _output(said: Conversation) -> Said:
    if said.output is None:
        return ("text",)
    return (said.output.kind.value, *sorted((said.output.schema or {}).get("properties", ())))
