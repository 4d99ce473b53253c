"""The words of the Responses API that more than one file here needs, as tables.

Source: the API reference (https://platform.openai.com/docs/api-reference/responses) and the types of the official Python package
(openai 3.57, ``openai/types/responses``), read in November 2026.
"""

from __future__ import annotations

import enum

import attrs

__all__ = [
    "CACHES_ITSELF",
    "COMPACTIONS",
    "CONTENT",
    "FAMILIES",
    "ITEMS",
    "NAME",
    "NO_SUMMARY",
    "ItemPlace",
    "ItemRule",
    "family_of",
    "rule_of",
]

NAME = "openai_responses"
"""The name of this protocol in extras, in ``Opaque`` and ``Foreign``, and in the table of protocols."""

CONTENT = "content/"
"""What the ``kind`` of an Opaque or Foreign begins with that is a part of a message rather than an item of its own."""

NO_SUMMARY = "none"
"""What Codex may say of a summary; the reference has no word for wanting none."""

CACHES_ITSELF = "the provider caches prompts by itself; breakpoints of other protocols are left out"
"""Why a cache hint of another protocol is a loss here."""


class ItemPlace(enum.Enum):
    """Whose doing an item is: the MODEL said or ran it, the client gives it as a RESULT, or it stands on its OWN."""

    MODEL = "model"
    RESULT = "result"
    OWN = "own"


@attrs.frozen
class ItemRule:
    """How an item that the hub has no word for is carried. ``essential`` ones are refused by other protocols rather than lost."""

    place: ItemPlace
    essential: bool


COMPACTIONS = ("compaction", "compaction_summary", "context_compaction")
"""What a conversation was replaced by; Codex knew two other names for it."""

_RECORD = ItemRule(ItemPlace.MODEL, essential=False)

# Records of what the provider's own tools did may be lost: the message that follows says what came of it. What holds words of the user, or
# stands for a history that is stored elsewhere, may not.
ITEMS: dict[str, ItemRule] = {
    "web_search_call": _RECORD,
    "file_search_call": _RECORD,
    "code_interpreter_call": _RECORD,
    "image_generation_call": _RECORD,
    "mcp_list_tools": _RECORD,
    "mcp_call": _RECORD,
    "mcp_approval_request": _RECORD,
    "computer_call": _RECORD,
    "tool_search_call": _RECORD,
    "tool_search_output": _RECORD,
    "shell_call": _RECORD,
    "shell_call_output": _RECORD,
    "program": _RECORD,
    "program_output": _RECORD,
    "computer_call_output": ItemRule(ItemPlace.RESULT, essential=True),
    "mcp_approval_response": ItemRule(ItemPlace.OWN, essential=True),
    "item_reference": ItemRule(ItemPlace.OWN, essential=True),
    **dict.fromkeys(COMPACTIONS, ItemRule(ItemPlace.OWN, essential=True)),
    "compaction_trigger": ItemRule(ItemPlace.OWN, essential=True),
}

_UNKNOWN = ItemRule(ItemPlace.OWN, essential=True)
_GATEWAYS_OWN = "openrouter:"


def rule_of(kind: str) -> ItemRule:
    """How an item of this kind is carried. What OpenRouter's own tools did is a record, as of any provider's; what another kind means that the
    table lacks can't be judged, so it is not dropped."""
    return ITEMS.get(kind) or (_RECORD if kind.startswith(_GATEWAYS_OWN) else _UNKNOWN)


FAMILIES: dict[str, str] = {
    "web_search": "web_search",
    "web_search_preview": "web_search",
    "code_interpreter": "code_execution",
    "image_generation": "image_generation",
}
"""Tools the provider runs, by their ``type`` here, and the hub's name for what they do. Dated types (``web_search_2025_08_26``) count as
the undated one."""


def family_of(kind: str) -> str | None:
    """The hub's name for what a provider's tool of this type does, None where it has none."""
    head, _, tail = kind.partition("_20")
    return FAMILIES.get(head if tail[:2].isdigit() else kind)
