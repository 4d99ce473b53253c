"""A request in the making: who it is for, how tools are called in it, and what could not be said."""

from __future__ import annotations

import hashlib
import re

import attrs

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.extras import own, settled, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNames
from trioproxy.neutral.parts import CacheHint, Extras, Opaque
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.endpoints import NAME
from trioproxy.protocols.openai_chat.quirks import CACHE_CONTROL, OPENAI_FIELDS, REASONING_MODEL, SHORT_CALL_IDS
from trioproxy.wire.jsoncodec import JSON, Object

__all__ = ["Draft", "nulls"]

# OpenAI's limit for the name of a function (platform.openai.com, "Create chat completion").
_NAME_LIMIT = 64

MAX_CALL_ID = 40
"""OpenAI and Azure: "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40"; other vendors' are
longer."""

_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


@attrs.define(eq=False)
class Draft:
    """What the writers of messages, tools and members share. ``native`` says that the client spoke this protocol itself: then its own
    spelling is kept wherever the target does not forbid it."""

    target: WriteTarget
    native: bool
    names: ToolNames = attrs.field(factory=lambda: ToolNames(limit=_NAME_LIMIT))
    losses: list[Loss] = attrs.field(factory=list)
    stops: tuple[str, ...] = ()

    @classmethod
    def of(cls, conversation: Conversation, target: WriteTarget) -> Draft:
        """The empty draft of a conversation for a target."""
        return cls(target=target, native=bool(spelling(conversation.extras, NAME)))

    def has(self, *quirks: str) -> bool:
        """Whether the target has any of these quirks."""
        return any(quirk in self.target.quirks for quirk in quirks)

    def lose(self, path: str, reason: str) -> None:
        """Record what the target has no word for."""
        self.losses.append(Loss(path, reason))

    def refusal(self, path: str, problem: str) -> ClientFault:
        """A fault for what can't be left out; ``problem`` continues a sentence that begins with the path."""
        message = f"`{path}` {problem}. Remove it, or ask a model whose provider takes it."
        return ClientFault(ErrorKind.INVALID_REQUEST, message, param=path)

    def own(self, extras: Extras, path: str) -> Object:
        """The own fields of a node, after settling those of other protocols.

        Raises:
            ClientFault: another protocol's field that may not be dropped.
        """
        if not extras:
            return {}
        self.losses += settled(extras, NAME, path=path)
        return own(extras, NAME)

    def call_id(self, call_id: str) -> str:
        """The id of a call as the target takes it; the same for the call and its result."""
        if self.has(SHORT_CALL_IDS):
            return call_id if _SHORT_ID.fullmatch(call_id) else hashlib.sha256(call_id.encode()).hexdigest()[:9]
        if self.native or len(call_id) <= MAX_CALL_ID or not self.has(OPENAI_FIELDS, REASONING_MODEL):
            return call_id
        return f"call_{hashlib.sha256(call_id.encode()).hexdigest()[: MAX_CALL_ID - len('call_')]}"

    def cache(self, hint: CacheHint | None, extras: Extras, path: str) -> Object:
        """The members that make a cache breakpoint."""
        if hint is None:
            return {}
        notes = spelling(extras, NAME)
        if "whole" in notes and self.native:
            # It stands on the message, whose writer gives it back.
            return {}
        spelled = {name: notes[name] for name in ("cache_control", "prompt_cache_breakpoint") if name in notes}
        if spelled:
            return spelled
        if self.has(CACHE_CONTROL):
            return {"cache_control": {"type": "ephemeral", **({"ttl": hint.ttl} if hint.ttl else {})}}
        self.lose(f"{path}.cache_control", "the target sets its own cache breakpoints")
        return {}

    def opaque(self, part: Opaque, path: str) -> JSON:
        """The payload of a part of this protocol, None for a loss.

        Raises:
            ClientFault: another protocol's part that may not be dropped.
        """
        if part.protocol == NAME:
            return part.payload
        if part.essential:
            raise self.refusal(path, f"is a {part.kind} of {part.protocol}, which Chat Completions has no word for")
        self.lose(path, f"{part.protocol} part ({part.kind}) without a counterpart in {NAME}")
        return None


def nulls(extras: Extras, note: str = "nulls") -> Object:
    """Members that the client sent as null."""
    return dict.fromkeys(spelling(extras, NAME).get(note, ()))
