"""The order of messages and of what stands in them.

The API wants each ``tool_use`` answered by a ``tool_result`` in the very next user message, all results of parallel calls together and
before any text, ids used once, and some compatible providers want roles to alternate. Histories of other protocols, and cut ones, keep none
of this. Messages of this API's own clients keep their borders: consecutive ones of a role are legal there. Source: platform.claude.com,
"Tool use", "Messages"; observed 2026-11: consecutive assistant messages are accepted.
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from trioproxy.protocols.anthropic.draft import Draft, Message
from trioproxy.wire.jsoncodec import Object

__all__ = ["merge_neighbours", "pair_tools", "results_first"]

_UNANSWERED = "This tool call was not answered."


def merge_neighbours(draft: Draft) -> None:
    """Join consecutive messages of one role, and drop those that hold nothing."""
    merged: list[Message] = []
    for message in draft.messages:
        if not message.blocks and not message.fields:
            continue
        last = merged[-1] if merged else None
        apart = last is None or last.role != message.role or (last.own and message.own) or message.role == "system"
        if apart or last is None:
            merged.append(message)
        else:
            last.blocks += message.blocks
            last.fields.update(message.fields)
            last.spelled = "blocks"
    draft.messages = merged


def results_first(draft: Draft) -> None:
    """Put tool results before everything else in their message."""
    for message in draft.messages:
        if message.role == "user":
            message.blocks.sort(key=lambda block: block["type"] != "tool_result")


def pair_tools(draft: Draft) -> None:
    """Give every call its one answer, right behind it; what answers no call is told as text."""
    _Pairing(draft).run()


@attrs.define(eq=False)
class _Run:
    """Consecutive messages of one role, which the API reads as one."""

    role: str
    messages: list[Message]

    def blocks(self, kind: str) -> Iterator[Object]:
        for message in self.messages:
            yield from (block for block in message.blocks if block["type"] == kind)


class _Pairing:
    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._runs: list[_Run] = []
        for message in draft.messages:
            if self._runs and self._runs[-1].role == message.role:
                self._runs[-1].messages.append(message)
            else:
                self._runs.append(_Run(message.role, [message]))
        self._used: set[str] = set()
        self._claimed: set[int] = set()

    def run(self) -> None:
        at = 0
        while at < len(self._runs):
            run = self._runs[at]
            if run.role == "assistant" and any(run.blocks("tool_use")):
                self._answer(at)
            at += 1
        for run in self._runs:
            if run.role == "user":
                self._tell_orphans(run)
        self._draft.messages = [message for run in self._runs for message in run.messages]

    def _answer(self, at: int) -> None:
        reply = self._reply_to(at)
        moved: list[Object] = []
        for call in self._runs[at].blocks("tool_use"):
            asked = call["id"]
            result = self._result_in(reply, asked)
            if result is None:
                result = self._taken_from_later(at, asked) or self._made_up(asked)
                moved.append(result)
            self._claimed.add(id(result))
            call["id"] = result["tool_use_id"] = self._unique(asked)
        if moved:
            reply.messages[0].blocks[:0] = moved
            reply.messages[0].spelled = "blocks"

    def _reply_to(self, at: int) -> _Run:
        """The user's run behind an assistant's (a system message may stand between), made where there is none."""
        behind = at + 1
        if behind < len(self._runs) and self._runs[behind].role == "system":
            behind += 1
        if behind < len(self._runs) and self._runs[behind].role == "user":
            return self._runs[behind]
        made = _Run("user", [Message(role="user", blocks=[])])
        self._runs.insert(at + 1, made)
        return made

    def _result_in(self, run: _Run, call_id: str) -> Object | None:
        for block in run.blocks("tool_result"):
            if block["tool_use_id"] == call_id and id(block) not in self._claimed:
                return block
        return None

    def _taken_from_later(self, at: int, call_id: str) -> Object | None:
        """An answer that stands too far back, out of where it stood. Past another call of the same id it answers that one."""
        for run in self._runs[at + 2 :]:
            if run.role == "assistant" and any(call["id"] == call_id for call in run.blocks("tool_use")):
                return None
            found = self._result_in(run, call_id) if run.role == "user" else None
            if found is not None:
                for message in run.messages:
                    message.blocks = [block for block in message.blocks if block is not found]
                return found
        return None

    def _made_up(self, call_id: str) -> Object:
        self._draft.lose("messages", f"the tool call {call_id} had no result; it is answered with an error")
        return {"type": "tool_result", "tool_use_id": call_id, "content": _UNANSWERED, "is_error": True}

    def _unique(self, call_id: str) -> str:
        """The id, with a number behind it where an earlier call has it."""
        unique, number = call_id, 2
        while unique in self._used:
            unique, number = f"{call_id}_{number}", number + 1
        self._used.add(unique)
        return unique

    def _tell_orphans(self, run: _Run) -> None:
        for message in run.messages:
            blocks: list[Object] = []
            for block in message.blocks:
                orphan = block["type"] == "tool_result" and id(block) not in self._claimed
                blocks += self._told(block) if orphan else [block]
            message.blocks = blocks

    def _told(self, result: Object) -> list[Object]:
        call_id = result["tool_use_id"]
        self._draft.lose("messages", f"the tool result {call_id} has no call before it; it is sent as text")
        content = result.get("content") or []
        inner = [{"type": "text", "text": content}] if isinstance(content, str) else content
        told = [block for block in inner if block["type"] in ("text", "image", "document")]
        return [{"type": "text", "text": f"Result of the tool call {call_id}:"}, *told]
