"""A Messages body while it is being written: what the writers fill in, the rules correct, and :meth:`Draft.body` makes whole."""

from __future__ import annotations

import attrs

from trioproxy.neutral.loss import Loss
from trioproxy.neutral.naming import ToolNames
from trioproxy.protocols.base import WriteTarget
from trioproxy.wire.jsoncodec import Object

__all__ = ["Draft", "Message", "Spelled"]

TOOL_NAME_LIMIT = 128

Spelled = str
"""How a message's content is written: ``blocks``, ``string``, or ``absent``."""


@attrs.define(eq=False, kw_only=True)
class Message:
    """One message. ``own`` ones came from a client of this API: their borders and their order are the client's. ``fields`` are members
    beside role and content."""

    role: str
    blocks: list[Object]
    own: bool = False
    spelled: Spelled = "blocks"
    fields: Object = attrs.field(factory=dict)

    def written(self) -> Object:
        """The message as the API takes it."""
        content: object = self.blocks
        if self.spelled == "string" and len(self.blocks) == 1 and self.blocks[0].keys() == {"type", "text"}:
            content = self.blocks[0]["text"]
        if self.spelled == "absent" and not self.blocks:
            return {"role": self.role, **self.fields}
        return {"role": self.role, "content": content, **self.fields}


@attrs.define(eq=False, kw_only=True)
class Draft:
    """``top`` holds the members of the body but for ``system``, ``messages`` and ``tools``. ``own_thinking`` says that ``thinking`` is in the
    words of this API's own client. Blocks in here are this draft's own and may be changed in place, their inner values may not."""

    target: WriteTarget
    top: Object = attrs.field(factory=dict)
    system: list[Object] = attrs.field(factory=list)
    system_spelled: Spelled = "blocks"
    messages: list[Message] = attrs.field(factory=list)
    tools: list[Object] = attrs.field(factory=list)
    names: ToolNames = attrs.field(factory=lambda: ToolNames(limit=TOOL_NAME_LIMIT))
    losses: list[Loss] = attrs.field(factory=list)
    own_thinking: bool = False
    stops: tuple[str, ...] = ()

    def lose(self, path: str, reason: str) -> None:
        """Record what could not be said."""
        self.losses.append(Loss(path, reason))

    def drop(self, name: str, reason: str) -> None:
        """Take a member out of the body, as a loss, where it is there."""
        if name in self.top:
            del self.top[name]
            self.lose(name, reason)

    def body(self) -> Object:
        """The request body."""
        body: Object = dict(self.top)
        if self.system:
            plain = (
                self.system_spelled == "string" and self.system[0].keys() == {"type", "text"} and len(self.system) == 1
            )
            body["system"] = self.system[0]["text"] if plain else self.system
        body["messages"] = [message.written() for message in self.messages]
        if self.tools:
            body["tools"] = self.tools
        return body
