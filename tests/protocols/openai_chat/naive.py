"""A second, simple-minded reading of recorded answers, to hold the reader's against: plain loops over the documents, no states, no quirks
but the ones that the recordings hold."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support.recordings import Recording
from trioproxy.neutral.parts import Reasoning, Refusal, Text, ToolCall
from trioproxy.neutral.response import Answer

Gist = dict[str, Any]


def gist_of(answer: Answer) -> Gist:
    """What an answer comes to, whatever its parts."""
    usage = answer.usage
    return {
        "text": "".join(part.text for part in answer.parts if isinstance(part, Text)),
        "reasoning": "".join(part.text for part in answer.parts if isinstance(part, Reasoning)),
        "refusal": "".join(part.text for part in answer.parts if isinstance(part, Refusal)),
        "calls": [(part.name, part.arguments) for part in answer.parts if isinstance(part, ToolCall)],
        "ids": [part.call_id for part in answer.parts if isinstance(part, ToolCall)],
        "finish": answer.finish_raw,
        "usage": (usage.input, usage.output, usage.cache_read, usage.reasoning) if usage else None,
        "error": answer.failure.message if answer.failure else None,
    }


def gist_of_recording(recording: Recording) -> Gist:
    """The same, read naively."""
    if not recording.stream:
        return _gist([(recording.document, "message")])
    lines = recording.body.decode().splitlines()
    data = [line[5:].strip() for line in lines if line.startswith("data:")]
    return _gist([(json.loads(each), "delta") for each in data if each and each != "[DONE]"])


def _gist(documents: list[tuple[Any, str]]) -> Gist:
    gist: Gist = {
        "text": "",
        "reasoning": "",
        "refusal": "",
        "calls": [],
        "ids": [],
        "finish": None,
        "usage": None,
        "error": None,
    }
    calls: dict[Any, list[str]] = {}
    for document, member in documents:
        for choice in document.get("choices") or []:
            said = choice.get(member) or {}
            content = said.get("content") or ""
            if isinstance(content, list):
                gist["reasoning"] += "".join(
                    inner["text"] for each in content if each["type"] == "thinking" for inner in each["thinking"]
                )
                content = "".join(each["text"] for each in content if each["type"] == "text")
            gist["text"] += content
            gist["reasoning"] += said.get("reasoning_content") or said.get("reasoning") or ""
            gist["refusal"] += said.get("refusal") or ""
            for position, call in enumerate(said.get("tool_calls") or []):
                entry = calls.setdefault(call.get("index", position), ["", "", ""])
                entry[0] += call.get("id") or ""
                entry[1] += call["function"].get("name") or ""
                entry[2] += call["function"].get("arguments") or ""
            gist["finish"] = gist["finish"] or choice.get("finish_reason")
        counts = document.get("usage") or (document.get("x_groq") or {}).get("usage")
        if counts:
            gist["usage"] = _usage(counts)
        if document.get("error"):
            gist["error"] = document["error"]["message"]
    tagged = re.fullmatch(r"\s*<think>(.*?)(?:</think>(.*))?", gist["text"], re.DOTALL)
    if tagged is not None:
        gist["reasoning"] += tagged[1].lstrip()
        gist["text"] = (tagged[2] or "").lstrip()
    gist["calls"] = [(name, arguments) for _, name, arguments in calls.values()]
    gist["ids"] = [call_id for call_id, _, _ in calls.values()]
    if gist["error"]:
        gist["finish"] = None
    return gist


def _usage(counts: Any) -> tuple[Any, ...]:
    prompt, completion = counts["prompt_tokens"], counts["completion_tokens"]
    reasoning = (counts.get("completion_tokens_details") or {}).get("reasoning_tokens")
    more = counts["total_tokens"] - prompt - completion
    if more > 0 and reasoning in (None, more):
        completion, reasoning = completion + more, more
    cached = (counts.get("prompt_tokens_details") or {}).get("cached_tokens", counts.get("cached_tokens"))
    return prompt, completion, cached, reasoning
