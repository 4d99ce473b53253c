"""``POST /v1/responses/compact`` for upstreams that don't have it: the model is asked for a summary, which then stands for the conversation.

The native operation answers with the user's messages as they were and one ``compaction`` item, whose ``encrypted_content`` holds what the
model keeps of the rest (API reference, "Compact a response"; observed of api.openai.com). Here that content is the summary behind our mark
(``signatures.py``): clients keep it and send it back like a native one, and it is read as what it is.
"""

from __future__ import annotations

import attrs

from trioproxy.errors import ErrorKind, UpstreamFault
from trioproxy.neutral.extras import spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Media, Text
from trioproxy.neutral.request import Conversation, Role, Sampling, ToolChoice, ToolChoiceMode, Turn
from trioproxy.neutral.response import Answer
from trioproxy.protocols.base import Asked, WriteContext, Written
from trioproxy.protocols.openai_responses.errors import render_error
from trioproxy.protocols.openai_responses.fields import refusal
from trioproxy.protocols.openai_responses.ids import item_id, response_id
from trioproxy.protocols.openai_responses.read_items import SUMMARY_NOTE
from trioproxy.protocols.openai_responses.read_request import read_request
from trioproxy.protocols.openai_responses.signatures import seal_summary
from trioproxy.protocols.openai_responses.usage import write_usage
from trioproxy.protocols.openai_responses.vocabulary import NAME
from trioproxy.protocols.openai_responses.write_items import ItemWriter
from trioproxy.wire.jsoncodec import Object

__all__ = ["PROMPT", "read_compaction", "summary_of", "write_compaction"]

PROMPT = (
    "Stop here and do nothing else. The conversation above is about to be replaced by a summary that you write now; whoever goes on with it "
    "will have that summary and the user's own messages, and nothing else. Write down what was asked for, what was done and found out "
    "(files, commands, names, numbers, decisions and their reasons), what is unfinished, and what comes next. Leave out pleasantries. Use no "
    "tools. Answer with the summary alone."
)


def read_compaction(document: Object, asked: Asked) -> Conversation:
    """The request for a summary of the conversation in ``document``.

    Raises:
        ClientFault: INVALID_REQUEST; ``param`` names the member that is not what it has to be.
    """
    conversation = read_request(document, asked)
    elsewhere = conversation.previous_response_id or document.get("conversation")
    if not conversation.turns and not elsewhere:
        raise refusal("input", "the conversation to compact")
    return attrs.evolve(
        conversation,
        turns=(*conversation.turns, Turn(role=Role.USER, parts=(Text(text=PROMPT),))),
        # The history may hold calls, and some providers refuse those of tools that are not declared.
        tool_choice=ToolChoice(mode=ToolChoiceMode.NONE) if conversation.tools else None,
        parallel_tools=None,
        sampling=Sampling(),
        reasoning=None,
        output=None,
        stream=False,
    )


def write_compaction(answer: Answer, context: WriteContext) -> Written:
    """The compacted conversation: the user's own messages, and the summary in place of all else.

    Raises:
        UpstreamFault: MALFORMED, the model wrote no summary: what it was to replace would be lost.
    """
    if answer.failure is not None:
        return Written(body=render_error(answer.failure))
    summary = summary_of(answer)
    if not summary:
        raise UpstreamFault(
            ErrorKind.MALFORMED, "the model was asked for a summary of the conversation and answered without any text"
        )
    losses: list[Loss] = []
    output = _said_by_the_user(context, losses)
    place = len(output)
    output.append(
        {
            "id": item_id("cmp", None, context.token, place),
            "type": "compaction",
            "encrypted_content": seal_summary(summary),
        }
    )
    body: Object = {
        "id": response_id(answer.id, context.token),
        "object": "response.compaction",
        "created_at": answer.created or context.now,
        "output": output,
        "usage": write_usage(answer.usage),
    }
    return Written(body=body, losses=tuple(losses))


def summary_of(answer: Answer) -> str:
    """What the model wrote, "" where it wrote nothing."""
    return "".join(part.text for part in answer.parts if isinstance(part, Text)).strip()


def _said_by_the_user(context: WriteContext, losses: list[Loss]) -> list[Object]:
    # The last turn is our own question. An earlier summary is part of the new one.
    turns = context.conversation.turns[:-1] if context.conversation is not None else ()
    items = ItemWriter(lambda call: call.name, losses)
    for number, turn in enumerate(turns):
        kept = tuple(part for part in turn.parts if isinstance(part, Text | Media))
        if turn.role is Role.USER and kept and not spelling(turn.extras, NAME).get(SUMMARY_NOTE):
            items.turn(attrs.evolve(turn, parts=kept, name=None), f"turns[{number}]")
    return [_message(item, item_id("msg", None, context.token, place)) for place, item in enumerate(items.items)]


def _message(item: Object, own_id: str) -> Object:
    content = item["content"]
    listed = [{"type": "input_text", "text": content}] if isinstance(content, str) else content
    return {"id": own_id, "type": "message", "status": "completed", **item, "content": listed}
