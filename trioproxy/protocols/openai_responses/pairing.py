"""Every call has its output, and every output its call.

The API answers 400 to an input in which one is missing ("No tool output found for function call …", "No tool call found for function call output
…"), and tells two calls apart by their ids alone. Histories of other protocols, cut short by an interruption or a context limit, keep
neither rule.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from trioproxy.neutral.loss import Loss
from trioproxy.wire.jsoncodec import Object

__all__ = ["NO_RESULT", "paired"]

NO_RESULT = "The call gave no result."

CALLS = frozenset({"function_call", "custom_tool_call"})
OUTPUTS = frozenset({"function_call_output", "custom_tool_call_output"})


def paired(items: Sequence[Object], ends: Sequence[int], losses: list[Loss]) -> list[Object]:
    """The items with an output for every call, and outputs that answer no call as messages. ``ends`` are the places where turns end: what
    is missing is put at the end of the turn that called. Calls under an id that was used before get one of their own; items are changed in
    place."""
    missing, strays = _match(items, ends)
    borders = set(ends) | {len(items)}
    out: list[Object] = []
    owed: list[Object] = []
    for place, item in enumerate(items):
        if place in strays:
            losses.append(
                Loss(f"turns[{bisect_right(ends, place)}]", "an output of no call in the history is sent as a message")
            )
            item = as_message(item)
        out.append(item)
        if place in missing:
            losses.append(
                Loss(f"turns[{bisect_right(ends, place)}]", "a call without an output is sent with one that says so")
            )
            owed.append({"type": f"{item['type']}_output", "call_id": item["call_id"], "output": NO_RESULT})
        if place + 1 in borders:
            out += owed
            owed = []
    return out


def _match(items: Sequence[Object], ends: Sequence[int]) -> tuple[set[int], set[int]]:
    """The calls that stay open, and the outputs that answer none. A later turn's call takes over an id that still waits: some models count their
    calls from 0 in every turn, and one that was interrupted is answered no more."""
    open_calls: dict[str, list[int]] = {}
    missing: set[int] = set()
    strays: set[int] = set()
    used: set[Any] = set()
    for place, item in enumerate(items):
        kind = item.get("type")
        if kind in CALLS:
            given = item["call_id"]
            item["call_id"] = _unused(given, used)
            used.add(item["call_id"])
            waiting = open_calls.setdefault(given, [])
            if waiting and bisect_right(ends, waiting[-1]) != bisect_right(ends, place):
                missing.update(waiting)
                waiting.clear()
            waiting.append(place)
        elif kind in OUTPUTS:
            waiting = open_calls.get(item["call_id"], [])
            if not waiting:
                strays.add(place)
                continue
            call = items[waiting.pop(0)]
            item["call_id"], item["type"] = call["call_id"], f"{call['type']}_output"
    return missing.union(*open_calls.values()), strays


def _unused(given: str, used: set[Any]) -> str:
    serial, candidate = 1, given
    while candidate in used:
        serial += 1
        candidate = f"{given[:56]}_{serial}"
    return candidate


def as_message(item: Object) -> Object:
    """A tool's output that answers no call, as what the user says."""
    output = item["output"]
    said = {"type": "input_text", "text": "A tool answered:"}
    content = [said, {"type": "input_text", "text": output}] if isinstance(output, str) else [said, *output]
    return {"type": "message", "role": "user", "content": content}
