"""A whole answer as one ``GenerateContentResponse``."""

from __future__ import annotations

from typing import assert_never

from trioproxy.neutral.events import Finished, FinishReason, ResponseStarted
from trioproxy.neutral.extras import foreign, own
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Opaque, Reasoning, Refusal, Search, Text, ToolCall
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import WriteContext, Written
from trioproxy.protocols.gemini.answer_writing import (
    LIMITS,
    NO_TEXT,
    blocks,
    call_part,
    cut_off,
    ending,
    foreign_loss,
    identity,
    lost_call,
    prose_part,
    shown_part,
)
from trioproxy.protocols.gemini.endpoints import NAME
from trioproxy.protocols.gemini.errors import render_error
from trioproxy.protocols.gemini.grounding import BESIDE_PARTS, Placed, grounding_of, unquoted
from trioproxy.protocols.gemini.reader import CANDIDATE, RESPONSE, USAGE
from trioproxy.wire.jsoncodec import Object

__all__ = ["write_body"]


class _Body:
    """A body while its parts are gathered."""

    def __init__(self) -> None:
        self.parts: list[Object] = []
        self.placed: list[Placed] = []
        self.queries: list[str] = []
        self.beside: dict[str, Object] = {CANDIDATE: {}, RESPONSE: {}, USAGE: {}}
        self.losses: list[Loss] = []

    def add(self, part: Text | Reasoning | Refusal | ToolCall | Opaque) -> None:
        path = f"parts[{len(self.parts)}]"
        fields: Object = {}
        if isinstance(part, Text | Reasoning | Refusal):
            self.losses += foreign(part.extras, NAME, path=path)[0]
            fields = own(part.extras, NAME)
        match part:
            case Text(text=text):
                self.placed += [Placed(citation=each, text=text, part=len(self.parts)) for each in part.citations]
                self.parts.append(prose_part(text, thought=False, signature=part.signature, fields=fields))
            case Refusal(text=text):
                self.parts.append(prose_part(text, thought=False, fields=fields))
            case Reasoning():
                text = "\n\n".join(each for each in (part.text, *part.summary) if each)
                self.parts.append(prose_part(text, thought=True, signature=part.signature, fields=fields))
            case ToolCall():
                written, losses = call_part(part, path)
                self.parts.append(written)
                self.losses += losses
            case Opaque(protocol=protocol, shown=shown) if protocol != NAME and (made := shown_part(shown)) is not None:
                self.parts.append(made)
            case Opaque(protocol=protocol, shown=Search(query=query)) if protocol != NAME:
                self.queries.append(query)
            case Opaque(protocol=protocol, kind=kind, payload=payload):
                loss = foreign_loss(protocol, kind, payload, path)
                if loss is not None:
                    self.losses.append(loss)
                elif kind in self.beside:
                    self.beside[kind] |= payload
                else:
                    self.parts.append(payload)
            case _:
                assert_never(part)


def write_body(answer: Answer, context: WriteContext) -> Written:
    """The answer's body; an error body where it is a failure."""
    if answer.failure is not None:
        return Written(body=render_error(answer.failure))
    body = _Body()
    for number, part in enumerate(answer.parts):
        if answer.finish in LIMITS and isinstance(part, ToolCall) and cut_off(part):
            body.losses.append(lost_call(f"parts[{number}]"))
        else:
            body.add(part)
    own, response = body.beside[CANDIDATE], body.beside[RESPONSE]
    candidate: Object = {"content": {"parts": body.parts or [NO_TEXT], "role": "model"}, **own}
    if not BESIDE_PARTS & own.keys():
        body.losses += unquoted(body.placed)
        grounding = grounding_of(body.placed, body.queries)
        candidate |= {"groundingMetadata": grounding} if grounding is not None else {}
    finished = Finished(
        reason=answer.finish or FinishReason.STOP, stop_sequence=answer.stop_sequence, raw=answer.finish_raw
    )
    end, losses = ending(finished, answer.usage, body.beside[USAGE], candidate, blocked=blocks(response))
    started = ResponseStarted(id=answer.id, model=answer.model, created=answer.created)
    return Written(body={**response, **end, **identity(started, context)}, losses=(*body.losses, *losses))
