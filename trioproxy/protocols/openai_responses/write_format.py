"""The form that an answer is to have: ``text.format`` of a request.

Knows: what the API asks of a schema, and of messages where JSON is wanted without one. Refuses to know: what else ``text`` holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from trioproxy.neutral.json_mode import JSON_INSTRUCTION, speaks_of_json
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parameters import spelled_out
from trioproxy.neutral.request import OutputFormat, OutputKind
from trioproxy.neutral.strictness import is_strict
from trioproxy.wire.jsoncodec import Object

__all__ = ["crossing_format", "speak_of_json", "write_format"]

_TYPES = {OutputKind.TEXT: "text", OutputKind.JSON: "json_object", OutputKind.JSON_SCHEMA: "json_schema"}


def write_format(output: OutputFormat) -> Object:
    """A ``text.format``. A schema has to have a name."""
    document: Object = {"type": _TYPES[output.kind]}
    if output.kind is OutputKind.JSON_SCHEMA:
        document["name"] = output.name or "response"
        document["schema"] = dict(output.schema or {})
        if output.description is not None:
            document["description"] = output.description
        if output.strict is not None:
            document["strict"] = output.strict
    return document


def crossing_format(output: OutputFormat, losses: list[Loss]) -> Object:
    """The same for a request that came in another protocol: its schema is spelled out, and is strict only where it can be."""
    document = write_format(output)
    if "schema" in document:
        document["schema"] = spelled_out(document["schema"])
    if document.get("strict") and not is_strict(output.schema):
        del document["strict"]
        reason = "answers are held to closed schemas only, in which nothing is optional"
        losses.append(Loss("response_format.strict", reason))
    return document


def speak_of_json(body: Object, losses: list[Loss]) -> None:
    """Put a word of JSON before the input of ``body`` where its form needs one: the API answers 400 to ``json_object`` where no message of the
    input speaks of JSON; instructions don't count."""
    items = body.get("input")
    if not isinstance(items, list) or body.get("text", {}).get("format") != {"type": "json_object"}:
        return
    if speaks_of_json(_texts(items)):
        return
    losses.append(Loss("response_format", "the mode is refused where no message speaks of JSON: one was put first"))
    said = [{"type": "input_text", "text": JSON_INSTRUCTION}]
    items.insert(0, {"type": "message", "role": "developer", "content": said})


def _texts(items: Iterable[Object]) -> Iterator[str]:
    """What messages of the input say."""
    for item in items:
        content = item.get("content")
        if isinstance(content, str):
            yield content
        elif isinstance(content, list):
            yield from (part["text"] for part in content if isinstance(part.get("text"), str))
