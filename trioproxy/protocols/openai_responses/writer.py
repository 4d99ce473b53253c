"""Neutral events become a Responses stream, as strict as OpenAI's own.

Every item is announced, grows by deltas, and is said whole at its end; the final response repeats all of them. Several items may be open at
once. Neighbouring texts and refusals share one message. Event order and members follow the official reference and recorded streams of 2025
and 2026.
"""

from __future__ import annotations

from typing import Any, assert_never

from trioproxy.errors import Failure
from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
    Growth,
    PartFinished,
    PartKind,
    PartSigned,
    PartStarted,
    ReasoningDelta,
    RefusalDelta,
    ResponseStarted,
    TextDelta,
    ToolArgsDelta,
    ToolCallStarted,
    UsageReported,
)
from trioproxy.neutral.extras import foreign, own, spelling
from trioproxy.neutral.loss import Loss
from trioproxy.neutral.parts import Citation, Extras, Media, Search, Signature
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.base import Press, WriteContext
from trioproxy.protocols.openai_responses.annotations import write_annotation
from trioproxy.protocols.openai_responses.builtin import declared
from trioproxy.protocols.openai_responses.drafts import (
    BuiltinDraft,
    CallDraft,
    ForeignDraft,
    Growing,
    MessageDraft,
    ReasoningDraft,
    Said,
)
from trioproxy.protocols.openai_responses.echo import response_of
from trioproxy.protocols.openai_responses.encrypted import ENCRYPTED_ARGUMENTS, with_encrypted_arguments
from trioproxy.protocols.openai_responses.ending import PENDING, incomplete_reason
from trioproxy.protocols.openai_responses.failed import failed_response, frame
from trioproxy.protocols.openai_responses.ids import item_id, response_id
from trioproxy.protocols.openai_responses.shown import write_shown
from trioproxy.protocols.openai_responses.signatures import UNSIGNED, seal
from trioproxy.protocols.openai_responses.usage import write_tier, write_usage
from trioproxy.protocols.openai_responses.vocabulary import CONTENT, NAME
from trioproxy.wire.frames import Frame, Row
from trioproxy.wire.jsoncodec import Object, dumps

__all__ = ["StreamWriter"]

_Part = tuple[MessageDraft, int] | ReasoningDraft | CallDraft | BuiltinDraft


class StreamWriter:
    """See :class:`trioproxy.protocols.base.Writer`. ``response`` is the response as it stands, whole after the end."""

    def __init__(self, context: WriteContext) -> None:
        self.losses: list[Loss] = []
        self.response: Object = {}
        self._context = context
        tools = context.conversation.tools if context.conversation is not None else ()
        self._builtins = declared(tools)
        self._plain = with_encrypted_arguments(tools)
        self._number = 0
        self._frames: list[Frame] = []
        self._output: list[Object | None] = []
        self._parts: dict[int, _Part] = {}
        self._signatures: dict[int, Signature] = {}
        # Sources that name no place in their text: they are of all of it, which is known at its end.
        self._unplaced: dict[int, list[Citation]] = {}
        self._message: MessageDraft | None = None
        self._open_contents: dict[int, int] = {}
        self._usage: Usage | None = None
        self._refused = False

    def feed(self, item: Event) -> list[Frame]:
        """Frames this event completes."""
        match item:
            case ResponseStarted():
                self._begin(item.id, item.created)
            case PartStarted():
                self._part_started(item)
            case TextDelta(index=index, text=text):
                self._text(index, text)
            case RefusalDelta(index=index, text=text):
                self._refused = True
                self._text(index, text)
            case ReasoningDelta():
                self._thought(item)
            case PartSigned():
                self._signed(item)
            case CitationAdded():
                self._cited(item)
            case ToolCallStarted():
                self._called(item)
            case ToolArgsDelta():
                call = self._parts[item.index]
                assert isinstance(call, CallDraft | BuiltinDraft)
                self._say(call.delta(item.text))
            case PartFinished():
                self._part_finished(item.index)
            case Foreign():
                self._foreign(item)
            case UsageReported():
                self._usage = item.usage if self._usage is None else self._usage.updated(item.usage)
            case Finished():
                self._finished(item)
            case Failed():
                self._failed(item.failure)
            case _:
                assert_never(item)
        frames, self._frames = self._frames, []
        return frames

    def more(self, growth: Growth) -> Row | None:
        """See :meth:`~trioproxy.protocols.base.Writer.more`."""
        growing = self._growing(growth.index)
        if growing is None:
            return None
        texts, said = growing
        texts += growth.texts
        opening, between, closing = _around(said)
        numbered = enumerate(growth.texts, self._number)
        row = [b"%b%d%b%b%b" % (opening, number, between, dumps(text), closing) for number, text in numbered]
        self._number += len(row)
        return Row(row, said[0])

    def press(self, growth: Growth) -> Press | None:
        """See :meth:`~trioproxy.protocols.base.Writer.press`."""
        growing = self._growing(growth.index)
        if growing is None:
            return None
        texts, said = growing
        opening, between, closing = _around(said)

        def press(text: str) -> bytes:
            texts.append(text)
            self._number += 1
            return b"%b%d%b%b%b" % (opening, self._number - 1, between, dumps(text), closing)

        return press

    def _growing(self, index: int) -> Growing | None:
        part = self._parts[index]
        match part:
            case (message, number):
                return message.more(number)
            case ReasoningDraft():
                return part.more(summary=self._tells_summary(part))
            case CallDraft():
                return part.more()
            case BuiltinDraft():
                return None
            case _:
                assert_never(part)

    def close(self) -> list[Frame]:
        """Nothing is owed: the end of a stream is an event."""
        return []

    def _say(self, said: list[Said]) -> None:
        for kind, members in said:
            self._frames.append(frame(kind, self._number, members))
            self._number += 1

    def _begin(self, given: str, created: int | None) -> None:
        self.response = response_of(self._context, response_id=response_id(given, self._context.token), created=created)
        self._say([("response.created", {"response": self.response})])
        self._say([("response.in_progress", {"response": self.response})])

    # Parts of an answer, and the items they belong to.

    def _place(self) -> int:
        """The next place in the output. Whatever takes it ends the message before it."""
        self._leave_message("completed")
        self._output.append(None)
        return len(self._output) - 1

    def _id(self, prefix: str, given: str | None, extras: Extras) -> str:
        noted = spelling(extras, NAME)
        members = noted.get("item") or noted.get("message", {}).get("item", {})
        return item_id(prefix, given or members.get("id"), self._context.token, len(self._output) - 1)

    def _settle(self, extras: Extras, path: str) -> None:
        self.losses += foreign(extras, NAME, path=path)[0]

    def _part_started(self, part: PartStarted) -> None:
        self._settle(part.extras, f"output[{part.index}]")
        if part.kind is PartKind.REASONING:
            place = self._place()
            draft = ReasoningDraft(place, self._id("rs", part.item_id, part.extras), own(part.extras, NAME))
            draft.native = part.item_id is not None or NAME in part.extras
            self._parts[part.index] = draft
            self._say(draft.added())
            return
        message = self._joined(part)
        number, said = message.part(part.kind)
        self._parts[part.index] = (message, number)
        self._open_contents[message.output_index] = self._open_contents.get(message.output_index, 0) + 1
        self._say(said)

    def _joined(self, part: PartStarted) -> MessageDraft:
        """The message this part belongs to: the one before it, unless the provider says otherwise."""
        given = part.item_id or spelling(part.extras, NAME).get("message", {}).get("item", {}).get("id")
        if self._message is not None and given in {None, self._message.item_id}:
            return self._message
        place = self._place()
        message = MessageDraft(place, self._id("msg", part.item_id, part.extras), own(part.extras, NAME))
        self._message = message
        self._say(message.added())
        return message

    def _leave_message(self, status: str) -> None:
        """No more parts join the message; it ends with its last open part."""
        message, self._message = self._message, None
        if message is not None and not self._open_contents.get(message.output_index):
            self._message_done(message, status)

    def _message_done(self, message: MessageDraft, status: str) -> None:
        self._output[message.output_index] = message.item(status)
        self._say(message.done(status))

    def _text(self, index: int, text: str) -> None:
        part = self._parts[index]
        assert isinstance(part, tuple)
        message, number = part
        self._say(message.delta(number, text))

    def _cited(self, event: CitationAdded) -> None:
        if event.citation.end is None and NAME not in event.citation.extras:
            self._unplaced.setdefault(event.index, []).append(event.citation)
        else:
            self._annotated(event.index, event.citation)

    def _annotated(self, index: int, citation: Citation) -> None:
        part = self._parts[index]
        assert isinstance(part, tuple)
        message, number = part
        annotation = write_annotation(citation, message.length(number), self.losses, f"output[{index}]")
        if annotation is not None:
            self._say(message.cited(number, annotation))

    def _thought(self, event: ReasoningDelta) -> None:
        draft = self._parts[event.index]
        assert isinstance(draft, ReasoningDraft)
        if event.summary is not None:
            self._say(draft.summary(event.summary, event.text))
        elif self._tells_summary(draft):
            self._say(draft.summary(0, event.text))
        else:
            self._say(draft.text(event.text))

    def _tells_summary(self, draft: ReasoningDraft) -> bool:
        """Whether full text is told as a summary: that is what clients show, and the one form in which OpenAI's events and the Open Responses
        schema agree. A client may have asked for summaries, also of models that have none."""
        conversation = self._context.conversation
        asked = conversation.reasoning if conversation is not None else None
        return not draft.native or (asked is not None and asked.summary is not None)

    def _called(self, call: ToolCallStarted) -> None:
        self._settle(call.extras, f"output[{call.index}]")
        place = self._place()
        builtin = self._builtins.get(call.name)
        if builtin is not None:
            self._parts[call.index] = BuiltinDraft(place, self._id(builtin.prefix, None, call.extras), call, builtin)
            return
        prefix = "ctc" if call.kind.value == "custom" else "fc"
        members = own(call.extras, NAME)
        if (call.name, call.namespace) in self._plain and NAME not in call.extras:
            members[ENCRYPTED_ARGUMENTS] = []
        draft = CallDraft(place, self._id(prefix, call.item_id, call.extras), call, members)
        self._parts[call.index] = draft
        self._say(draft.added())

    def _signed(self, event: PartSigned) -> None:
        part = self._parts[event.index]
        if isinstance(part, tuple):
            self.losses.append(Loss(f"output[{event.index}].signature", "a message has no signature here"))
        else:
            self._signatures[event.index] = event.signature

    def _part_finished(self, index: int) -> None:
        for citation in self._unplaced.pop(index, ()):
            self._annotated(index, citation)
        part = self._parts.pop(index)
        signature = self._signatures.pop(index, None)
        match part:
            case (message, number):
                self._say(message.part_done(number))
                self._open_contents[message.output_index] -= 1
                if message is not self._message and not self._open_contents[message.output_index]:
                    self._message_done(message, "completed")
            case ReasoningDraft():
                part.encrypted = seal(signature) if signature is not None else None if part.native else UNSIGNED
                self._output[part.output_index] = part.item()
                self._say(part.done())
            case CallDraft() | BuiltinDraft():
                self._say(part.done(part.status))
                self._output[part.output_index] = part.item(part.status)
                if signature is not None:
                    self._sealed(signature, part)
            case _:
                assert_never(part)

    def _sealed(self, signature: Signature, call: CallDraft | BuiltinDraft) -> None:
        """A signature that stands on a call, in a reasoning item of its own behind it."""
        place = self._place()
        draft = ReasoningDraft(place, item_id("rs", None, self._context.token, place), {})
        draft.encrypted = seal(signature, call_id=call.call_id)
        self._output[place] = draft.item()
        self._say([*draft.added(), *draft.done()])

    def _foreign(self, event: Foreign) -> None:
        if event.protocol != NAME and event.shown is not None and self._shown(event.shown):
            return
        if event.protocol != NAME:
            self.losses.append(
                Loss(f"output[{event.index}]", f"{event.protocol} {event.kind} without a counterpart in {NAME}")
            )
            return
        if event.kind.startswith(CONTENT):
            if self._message is None:
                self._joined(PartStarted(index=event.index, kind=PartKind.TEXT))
            assert self._message is not None
            self._say(self._message.foreign(event.payload))
            return
        draft = ForeignDraft(self._place(), event.payload)
        self._output[draft.output_index] = draft.item()
        self._say(draft.done())

    def _shown(self, shown: Media | Search) -> bool:
        """Tell of something that another vendor made by itself; whether there is an item for it."""
        item = write_shown(shown, f"{self._context.token}_{len(self._output)}")
        if item is None:
            return False
        draft = ForeignDraft(self._place(), item.whole)
        self._output[draft.output_index] = draft.item()
        self._say(draft.run(item.begun, item.progress))
        return True

    # The end.

    def _finished(self, event: Finished) -> None:
        reason = incomplete_reason(event.reason, refused=self._refused)
        status = "incomplete" if reason is not None else "completed"
        if event.reason is FinishReason.PAUSE and event.raw in PENDING:
            status = event.raw or status
        self._leave_message("completed" if status in PENDING else status)
        self._close_response(status)
        if reason is not None:
            self.response["incomplete_details"] = {"reason": reason}
        if self._context.keep is not None:
            self._context.keep(self.response["output"])
        kind = "response.incomplete" if reason is not None else "response.completed"
        self._say([(kind, {"response": self.response})])

    def _failed(self, failure: Failure) -> None:
        if not self.response:
            self._begin("", None)
        self._leave_message("completed")
        self._close_response("failed")
        self.response = failed_response(self.response, failure)
        self._say([("response.failed", {"response": self.response})])

    def _close_response(self, status: str) -> None:
        changed: dict[str, Any] = {
            "status": status,
            "output": [item for item in self._output if item is not None],
            "usage": write_usage(self._usage),
            **write_tier(self._usage),
        }
        self.response = {**self.response, **changed}


def _around(said: Said) -> tuple[bytes, bytes, bytes]:
    """What stands before the number of an event whose delta is empty, between number and delta, and behind it."""
    kind, members = said
    before, _, after = dumps(members)[1:].partition(b'"delta":""')
    return b'{"type":"%b","sequence_number":' % kind.encode(), b',%b"delta":' % before, after
