"""Events that hold nothing but more of a part, told by a typed look at their bytes.

Nearly all events of an answer are of this kind. The look refuses what it does not know: an event with one member more may mean something else,
and is for the reader.

Refuses to know: which items are open, and what was said of them before.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec

from trioproxy.neutral.events import ReasoningDelta, TextDelta, ToolArgsDelta
from trioproxy.protocols.openai_responses.open_item import Kind

__all__ = ["PlainGrowth", "plain_growth"]


class PlainGrowth(msgspec.Struct, tag_field="type", forbid_unknown_fields=True, gc=False):
    """An event that holds nothing but more of a part. One member more may mean something else.

    ``kind`` is what it makes grow, ``place`` the member that says which part of its item.
    """

    kind: ClassVar[Kind] = ToolArgsDelta
    place: ClassVar[str] = ""

    output_index: int
    item_id: str
    delta: Annotated[str, msgspec.Meta(min_length=1)]
    sequence_number: int | None = None
    obfuscation: str | None = None


class _TextGrowth(PlainGrowth, tag="response.output_text.delta", kw_only=True):
    kind = TextDelta
    place = "content_index"

    content_index: int
    logprobs: msgspec.Raw = msgspec.Raw()


class _SummaryGrowth(PlainGrowth, tag="response.reasoning_summary_text.delta", kw_only=True):
    kind = ReasoningDelta
    place = "summary_index"

    summary_index: int


class _ArgumentsGrowth(PlainGrowth, tag="response.function_call_arguments.delta"):
    pass


class _InputGrowth(PlainGrowth, tag="response.custom_tool_call_input.delta"):
    pass


_decode = msgspec.json.Decoder(_TextGrowth | _SummaryGrowth | _ArgumentsGrowth | _InputGrowth).decode
_REFUSED = (msgspec.DecodeError, UnicodeError, RecursionError)


def plain_growth(data: bytes) -> PlainGrowth | None:
    """What of which part an event holds that holds nothing else; None where it may say more."""
    try:
        event: PlainGrowth = _decode(data)
    except _REFUSED:
        return None
    return event
