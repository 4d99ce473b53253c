"""Whole JSON bodies: an answer's events from its ``response`` object, and the object from an answer."""

from __future__ import annotations

from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import Event, Failed, Finished, FinishReason, Foreign, ResponseStarted, UsageReported
from trioproxy.neutral.fold import unfold
from trioproxy.neutral.parts import Opaque
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import WriteContext, Written
from trioproxy.protocols.error_text import said_instead
from trioproxy.protocols.openai_responses.desk import Desk
from trioproxy.protocols.openai_responses.ending import ending
from trioproxy.protocols.openai_responses.usage import read_usage
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.protocols.openai_responses.writer import StreamWriter
from trioproxy.wire.jsoncodec import Object

__all__ = ["OWN_OBJECTS", "read_body", "write_body"]

OWN_OBJECTS = frozenset({"response.compaction", "response.input_tokens"})
"""Bodies of this protocol's other operations. No other protocol has a word for them: they are carried whole."""


def read_body(document: Object) -> list[Event]:
    """The events of a whole answer. An error inside a 200 is ``Failed``."""
    created = document.get("created_at")
    started = ResponseStarted(
        id=str(document.get("id") or ""),
        model=str(document.get("model") or ""),
        created=int(created) if isinstance(created, int | float) else None,
    )
    usage = read_usage(document.get("usage"), document.get("service_tier"))
    counted: list[Event] = [UsageReported(usage=usage)] if usage is not None else []
    kind = str(document.get("object"))
    if kind in OWN_OBJECTS:
        whole = Foreign(index=0, protocol=NAME, kind=kind, payload=document)
        return [started, whole, *counted, Finished(reason=FinishReason.STOP, raw=kind)]
    output, status = document.get("output"), document.get("status")
    if not isinstance(output, list) and not isinstance(status, str) and not document.get("error"):
        said = said_instead(document, "The provider's answer holds no output.")
        return [Failed(failure=Failure(kind=ErrorKind.MALFORMED, message=said, fault=Fault.UPSTREAM))]
    desk = Desk()
    items = desk.settle(output if isinstance(output, list) else [])
    # Some servers spell it "complete", some leave it out.
    spelled = status if isinstance(status, str) else "completed"
    last = ending(document, spelled, called=desk.called, refused=desk.refused, nameless=desk.nameless)
    return [started, *items, *counted, last]


def write_body(answer: Answer, context: WriteContext) -> Written:
    """The ``response`` object of an answer: what a stream of the same answer ends with."""
    match answer.parts:
        case (Opaque(protocol=protocol, kind=kind, payload=payload),) if protocol == NAME and kind in OWN_OBJECTS:
            return Written(body=payload)
        case _:
            pass
    writer = StreamWriter(context)
    for event in unfold(answer):
        writer.feed(event)
    return Written(body=writer.response, losses=tuple(writer.losses))
