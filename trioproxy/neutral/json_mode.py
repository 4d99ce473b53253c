"""JSON asked for in words: where a target has no such mode, or refuses it unless the prompt speaks of JSON.

OpenAI (and those who copied it) answers 400 to ``json_object`` when no message says "json"; DeepSeek warns that its model may write white
space for ever. Refuses to know: where a protocol keeps its instructions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trioproxy.wire.jsoncodec import dumps

__all__ = ["JSON_INSTRUCTION", "schema_instruction", "speaks_of_json"]

JSON_INSTRUCTION = "Respond with a single JSON object and nothing else: no prose around it, no code fence."
"""Said to a model that is to answer in JSON by no schema."""


def schema_instruction(schema: Mapping[str, Any]) -> str:
    """Said to a model that can't be held to a schema."""
    return (
        "Respond with a single JSON value and nothing else: no prose around it, no code fence. It must be valid under this JSON Schema:\n"
        f"{dumps(schema).decode()}"
    )


def speaks_of_json(texts: Iterable[str]) -> bool:
    """Whether any of the texts does, as OpenAI looks for it."""
    return any("json" in text.lower() for text in texts)
