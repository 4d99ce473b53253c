"""The names that a client itself uses for what was lost or refused.

Writers speak of a request in the hub's words (``turns[1].parts[0].signature``, ``reasoning.budget``) or in their own. A client that is told what
could not be done has to find it in what it sent: places of parts come from the turns (``Turn.places``), of instructions from the conversation
(``Conversation.system_places``), of tools from the tools (``Tool.place``), all else from the client's protocol (``Protocol.words``). Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from trioproxy.errors import ClientFault
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.request import Conversation

__all__ = ["spelled", "spelled_fault", "spelled_losses"]

_PLACE = re.compile(r"(?:messages|turns)\[(\d+)\](?:\.(?:content|parts)\[(\d+)\])?")
_SYSTEM = re.compile(r"system\[(\d+)\]")
_TOOL = re.compile(r"tools\[(\d+)\]")
_ROOT = re.compile(r"[^\[\]]*\[\d+\]")


def spelled(path: str, conversation: Conversation, words: Mapping[str, str]) -> str:
    """``path`` as the client would write it; as it is where nobody knows better."""
    found = _PLACE.match(path)
    if found is not None:
        return _placed(found, path, conversation, words)
    found = _TOOL.match(path)
    if found is not None and int(found[1]) < len(conversation.tools):
        return (conversation.tools[int(found[1])].place or found[0]) + _worded(path[found.end() :], words)
    found = _SYSTEM.match(path)
    if found is not None and int(found[1]) < len(conversation.system_places):
        return conversation.system_places[int(found[1])] + _worded(path[found.end() :], words)
    return _worded(path, words)


def _worded(path: str, words: Mapping[str, str]) -> str:
    """``path`` with the longest beginning that the client has a word for in that word."""
    head, rest = path, ""
    while head:
        if head in words:
            return words[head] + rest
        cut = max(head.rfind("."), head.rfind("["), 0)
        head, rest = path[:cut], path[cut:]
    return path


def _placed(found: re.Match[str], path: str, conversation: Conversation, words: Mapping[str, str]) -> str:
    number, part = int(found[1]), found[2]
    rest = _worded(path[found.end() :], words)
    places = conversation.turns[number].places if number < len(conversation.turns) else ()
    if not places:
        return path
    if part is not None and int(part) < len(places):
        return places[int(part)] + rest
    root = _ROOT.match(places[0])
    return (root[0] if root is not None else places[0]) + rest


def spelled_losses(losses: Iterable[Loss], conversation: Conversation, words: Mapping[str, str]) -> tuple[Loss, ...]:
    """The losses under the client's names."""
    return tuple(Loss(spelled(loss.path, conversation, words), loss.reason) for loss in losses)


def spelled_fault(fault: ClientFault, conversation: Conversation, words: Mapping[str, str]) -> ClientFault:
    """The refusal under the client's name for what is refused, in its message too."""
    failure = fault.failure
    if failure.param is None:
        return fault
    own = spelled(failure.param, conversation, words)
    if own == failure.param:
        return fault
    message = failure.message.replace(f"`{failure.param}`", f"`{own}`", 1)
    return ClientFault(failure.kind, message, param=own)
