"""The form that an answer is to have, as the Responses API is asked for it."""

from __future__ import annotations

from typing import Any

import pytest

from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import OutputFormat, OutputKind
from trioproxy.protocols.openai_responses.write_format import crossing_format, speak_of_json, write_format

CLOSED = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"], "additionalProperties": False}
OPEN = {"type": "object", "properties": {"a": {"type": "string"}}}


def test_a_schema_gets_a_name() -> None:
    output = OutputFormat(kind=OutputKind.JSON_SCHEMA, schema=CLOSED, description="d", strict=True)
    assert write_format(output) == {
        "type": "json_schema",
        "name": "response",
        "schema": CLOSED,
        "description": "d",
        "strict": True,
    }
    assert write_format(OutputFormat(kind=OutputKind.TEXT)) == {"type": "text"}


@pytest.mark.parametrize(("schema", "strict"), [(CLOSED, True), (OPEN, False)])
def test_what_crosses_is_strict_where_it_can_be(schema: dict[str, Any], strict: bool) -> None:
    losses: list[Loss] = []
    output = OutputFormat(kind=OutputKind.JSON_SCHEMA, name="n", schema=schema, strict=True)
    assert ("strict" in crossing_format(output, losses)) is strict
    assert [loss.path for loss in losses] == ([] if strict else ["response_format.strict"])


def test_json_without_a_schema_is_spoken_of() -> None:
    losses: list[Loss] = []
    items: list[Any] = [{"role": "user", "content": "list them"}, {"content": [{"text": "all"}, {"image": 1}]}, {}]
    body = {"input": items, "text": {"format": {"type": "json_object"}}}
    speak_of_json(body, losses)
    assert (items[0]["role"], len(items), [loss.path for loss in losses]) == ("developer", 4, ["response_format"])
    speak_of_json(body, losses)
    assert len(items) == 4


@pytest.mark.parametrize("body", [{"input": "x"}, {"input": []}, {"input": [], "text": {"format": {"type": "text"}}}])
def test_nothing_else_is_touched(body: dict[str, Any]) -> None:
    losses: list[Loss] = []
    before = repr(body)
    speak_of_json(body, losses)
    assert (repr(body), losses) == (before, [])
