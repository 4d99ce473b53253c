"""Servers of Gemini."""

from __future__ import annotations

from typing import Any

from tests.translation.gists import Said
from tests.translation.habits.habit import DONE, Habit, lines
from trioproxy.neutral.events import FinishReason
from trioproxy.neutral.usage import Usage

__all__ = ["GEMINI"]

_F: Said = ("call", "a", "f", '{"x":1}')
_G: Said = ("call", "b", "g", '{"y":2}')
_HI: Said = ("text", "Hi")

_COUNTED = Usage(input=20, output=9, cache_read=8, reasoning=3)

_META = {
    "promptTokenCount": 20,
    "candidatesTokenCount": 6,
    "thoughtsTokenCount": 3,
    "totalTokenCount": 29,
    "cachedContentTokenCount": 8,
}


def candidate(*parts: Any, finish: str | None = None, usage: Any = None, **beside: Any) -> Any:
    made: Any = {"index": 0, "content": {"role": "model", "parts": list(parts)}, **beside}
    if finish is not None:
        made["finishReason"] = finish
    counted = {} if usage is None else {"usageMetadata": usage}
    return {"candidates": [made], "modelVersion": "up", "responseId": "g1", **counted}


def gemini(
    name: str, *documents: Any, said: tuple[Said, ...], finish: FinishReason = FinishReason.STOP, **more: Any
) -> Habit:
    usage = more.pop("usage", _COUNTED)
    return Habit(provider="gemini", name=name, stream=lines(documents), said=said, finish=finish, usage=usage, **more)


def function(name: str, call_id: str | None = None, **arguments: Any) -> Any:
    made: Any = {"name": name, "args": arguments}
    return {"functionCall": made if call_id is None else {**made, "id": call_id}}


GEMINI = (
    gemini(
        "text in the last chunk",
        candidate({"text": "H"}),
        candidate({"text": "i"}, finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "counts that grow",
        candidate({"text": "H"}, usage={"promptTokenCount": 20, "candidatesTokenCount": 2, "totalTokenCount": 22}),
        candidate({"text": "i"}, usage={"promptTokenCount": 20, "candidatesTokenCount": 4, "totalTokenCount": 24}),
        candidate(finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "thoughts, and a signature on an empty text",
        candidate({"text": "think", "thought": True}),
        candidate({"text": "Hi"}),
        candidate({"text": "", "thoughtSignature": "c2ln"}, finish="STOP", usage=_META),
        said=(("reasoning", "think"), _HI),
    ),
    gemini(
        "parallel calls",
        candidate({**function("f", "a", x=1), "thoughtSignature": "c2ln"}, function("g", "b", y=2)),
        candidate(finish="STOP", usage=_META),
        said=(_F, _G),
        finish=FinishReason.TOOL_CALLS,
    ),
    gemini(
        "arguments as text",
        candidate({"functionCall": {"name": "f", "id": "a", "args": '{"x": 1}'}}, finish="STOP", usage=_META),
        said=(_F,),
        finish=FinishReason.TOOL_CALLS,
    ),
    gemini(
        "a call without arguments",
        candidate({"functionCall": {"name": "f", "id": "a"}}, finish="STOP", usage=_META),
        said=(("call", "a", "f", "{}"),),
        finish=FinishReason.TOOL_CALLS,
    ),
    gemini(
        "safety",
        candidate({"text": "Hi"}),
        candidate(finish="SAFETY", usage=_META),
        said=(_HI,),
        finish=FinishReason.CONTENT_FILTER,
    ),
    gemini(
        "recitation",
        candidate({"text": "Hi"}, finish="RECITATION", usage=_META),
        said=(_HI,),
        finish=FinishReason.CONTENT_FILTER,
    ),
    gemini(
        "a blocked prompt",
        {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": _META},
        said=(),
        finish=FinishReason.CONTENT_FILTER,
    ),
    gemini(
        "its limit",
        candidate({"text": "Hi"}, finish="MAX_TOKENS", usage=_META),
        said=(_HI,),
        finish=FinishReason.LENGTH,
    ),
    gemini(
        "an end without content",
        {"candidates": [{"finishReason": "STOP", "index": 0}], "usageMetadata": _META},
        said=(),
    ),
    gemini(
        "no candidates at first",
        {"candidates": [], "usageMetadata": {"promptTokenCount": 20}},
        candidate({"text": "Hi"}, finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "counts behind the end, and [DONE]",
        candidate({"text": "Hi"}, finish="STOP"),
        {"usageMetadata": _META},
        DONE,
        said=(_HI,),
    ),
    gemini(
        "an end in every chunk",
        candidate({"text": "H"}, finish="STOP"),
        candidate({"text": "i"}, finish="STOP", usage=_META),
        said=(_HI,),
    ),
    gemini(
        "sources without supports",
        candidate({"text": "Hi"}),
        candidate(
            finish="STOP",
            usage=_META,
            groundingMetadata={"groundingChunks": [{"web": {"uri": "https://a.example/", "title": "A"}}]},
        ),
        said=(_HI,),
        cited=("https://a.example/",),
    ),
    gemini(
        "a call it could not write",
        candidate({"text": "Hi"}),
        candidate(finish="MALFORMED_FUNCTION_CALL", usage=_META),
        said=(_HI,),
        failed="MALFORMED_FUNCTION_CALL",
    ),
    gemini(
        "an error in place of a chunk",
        candidate({"text": "Hi"}),
        {"error": {"code": 503, "message": "it broke", "status": "UNAVAILABLE"}},
        said=(_HI,),
        failed="it broke",
    ),
    gemini("the end of the bytes", candidate({"text": "Hi"}), said=(_HI,), failed="finishReason"),
)
