"""What becomes of a request at another protocol, in a word: for the tables of members.

Knows: that a request is said, said with losses, or refused, and by which names of the client's own its fate is told. Refuses to know: which fate
is right.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.translation.requests import MODELS
from trioproxy.errors import ClientFault
from trioproxy.gateway.spellings import spelled_fault, spelled_losses
from trioproxy.neutral.choices import check_choice
from trioproxy.neutral.request import Conversation
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.table import protocol

SAID, LOST, REFUSED = "said", "lost", "refused"


def fate(said: Conversation, target: str, words: Mapping[str, str]) -> tuple[str, list[str]]:
    """What becomes of ``said`` at ``target``, and the names it is told by. ``words`` are those of the client's protocol."""
    try:
        check_choice(said)
        written = protocol(target).write_request(said, WriteTarget(model=MODELS[target], stream=said.stream))
    except ClientFault as fault:
        return REFUSED, [spelled_fault(fault, said, words).failure.param or ""]
    losses = [loss.path for loss in spelled_losses(written.losses, said, words)]
    return (LOST if losses else SAID), losses
