"""Going on from a response that somebody else keeps.

Only a Responses provider keeps conversations. Before any other a request that holds the new turns alone would mean something else, so it is
refused; with the code that OpenAI itself gives for a response it does not know, on which clients (VS Code's among them) send it all again.
"""

from __future__ import annotations

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.neutral.request import Conversation

__all__ = ["NOT_FOUND", "refuse_continuation"]

NOT_FOUND = "previous_response_not_found"
"""The code on which clients send the whole conversation again."""
_SHOWN = 80


def refuse_continuation(conversation: Conversation) -> None:
    """For a provider that keeps no conversations.

    Raises:
        ClientFault: INVALID_REQUEST, ``param`` is ``previous_response_id``: the conversation goes on from one.
    """
    previous = conversation.previous_response_id
    if previous is not None:
        raise ClientFault(
            ErrorKind.INVALID_REQUEST,
            f"`previous_response_id`: the response {previous[:_SHOWN]} is not kept for this model; send the whole conversation",
            code=NOT_FOUND,
            param="previous_response_id",
        )
