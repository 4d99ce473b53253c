from __future__ import annotations

from typing import Any

import attrs
import pytest
from hypothesis import given, settings

from tests.protocols.openai_responses.streams import Object, read, types, write
from tests.support.events import legal_events
from trioproxy.errors import ErrorKind, Failure, Fault
from trioproxy.neutral.events import (
    CitationAdded,
    Event,
    Failed,
    Finished,
    FinishReason,
    Foreign,
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
from trioproxy.neutral.extras import packed
from trioproxy.neutral.fold import fold
from trioproxy.neutral.parts import (
    Citation,
    Opaque,
    Reasoning,
    Refusal,
    Signature,
    SignatureForm,
    Text,
    ToolCall,
    ToolKind,
)
from trioproxy.neutral.request import Conversation, ReasoningAsk, Tool
from trioproxy.neutral.response import Answer
from trioproxy.neutral.usage import Usage
from trioproxy.protocols.openai_responses.signatures import UNSIGNED
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import dumps

START = ResponseStarted(id="resp_1", model="m", created=5)
STOP = Finished(reason=FinishReason.STOP)
CLAUDE = Signature(value="EqQB", form=SignatureForm.ANTHROPIC_SIGNATURE)
GEMINI = Signature(value="CiQB", form=SignatureForm.GEMINI_THOUGHT)


def _text(index: int, *texts: str, **started: Any) -> list[Event]:
    return [
        PartStarted(index=index, kind=PartKind.TEXT, **started),
        *(TextDelta(index=index, text=text) for text in texts),
        PartFinished(index=index),
    ]


def _call(index: int, arguments: str, **call: Any) -> list[Event]:
    deltas = [ToolArgsDelta(index=index, text=arguments)] if arguments else []
    return [ToolCallStarted(index=index, **call), *deltas, PartFinished(index=index)]


def _items(documents: list[Object]) -> list[Object]:
    items: list[Object] = documents[-1]["response"]["output"]
    return items


def test_a_text_has_the_whole_ceremony() -> None:
    documents, _ = write([START, *_text(0, "Hel", "lo"), UsageReported(usage=Usage(input=3, output=2)), STOP])

    assert types(documents) == [
        "created",
        "in_progress",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "completed",
    ]
    assert [document["sequence_number"] for document in documents] == list(range(10))
    assert documents[0]["response"]["id"] == "resp_1"
    assert documents[0]["response"]["status"] == "in_progress"
    assert documents[0]["response"]["created_at"] == 5
    assert {document.get("item_id") for document in documents[3:8]} == {"msg_abc_0"}
    response = documents[-1]["response"]
    assert response["output"] == [documents[-2]["item"]]
    assert response["output"][0]["content"] == [
        {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": []}
    ]
    assert response["status"] == response["output"][0]["status"] == "completed"
    assert response["usage"] == {
        "input_tokens": 3,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": 2,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 5,
    }


def test_usage_is_there_even_where_nobody_counted() -> None:
    documents, _ = write([START, STOP])

    assert documents[-1]["response"]["usage"]["total_tokens"] == 0


def test_later_reports_add_to_earlier_ones() -> None:
    usages: list[Event] = [UsageReported(usage=Usage(input=9, cache_read=4)), UsageReported(usage=Usage(output=2))]
    documents, _ = write([START, *usages, STOP])

    usage = documents[-1]["response"]["usage"]
    assert (usage["input_tokens"], usage["input_tokens_details"]["cached_tokens"], usage["output_tokens"]) == (9, 4, 2)


def test_neighbouring_texts_and_refusals_share_a_message() -> None:
    refusal: list[Event] = [
        PartStarted(index=2, kind=PartKind.REFUSAL),
        RefusalDelta(index=2, text="No."),
        PartFinished(index=2),
    ]
    documents, _ = write([START, *_text(0, "a"), *_text(1, "b"), *refusal, STOP])

    (message,) = _items(documents)
    assert [part.get("text", part.get("refusal")) for part in message["content"]] == ["a", "b", "No."]
    assert types(documents).count("output_item.done") == 1
    assert "refusal.delta" in types(documents)
    assert "refusal.done" in types(documents)


def test_messages_that_a_provider_kept_apart_stay_apart() -> None:
    documents, _ = write([START, *_text(0, "a", item_id="msg_1"), *_text(1, "b", item_id="msg_2"), STOP])

    assert [item["id"] for item in _items(documents)] == ["msg_1", "msg_2"]


def test_interleaved_parts_keep_their_items() -> None:
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.TEXT),
        ToolCallStarted(index=1, call_id="a", name="f"),
        TextDelta(index=0, text="x"),
        ToolCallStarted(index=2, call_id="b", name="g", kind=ToolKind.CUSTOM, namespace="n"),
        ToolArgsDelta(index=2, text="free"),
        ToolArgsDelta(index=1, text="{}"),
        PartFinished(index=2),
        PartFinished(index=0),
        PartFinished(index=1),
        Finished(reason=FinishReason.TOOL_CALLS),
    ]
    documents, _ = write(events)

    done = [document["output_index"] for document in documents if document["type"].endswith("output_item.done")]
    assert done == [2, 0, 1]
    message, first, second = _items(documents)
    assert message["content"][0]["text"] == "x"
    assert first == {
        "id": "fc_abc_1",
        "type": "function_call",
        "status": "completed",
        "arguments": "{}",
        "call_id": "a",
        "name": "f",
    }
    assert (second["type"], second["input"], second["id"], second["namespace"]) == (
        "custom_tool_call",
        "free",
        "ctc_abc_2",
        "n",
    )
    assert "custom_tool_call_input.done" in types(documents)


def test_a_message_that_is_left_open_ends_with_its_last_part() -> None:
    events: list[Event] = [
        START,
        PartStarted(index=0, kind=PartKind.TEXT),
        PartStarted(index=1, kind=PartKind.TEXT),
        *_call(2, "{}", call_id="a", name="f"),
        PartFinished(index=0),
        TextDelta(index=1, text="late"),
        PartFinished(index=1),
        *_text(3, "next"),
        STOP,
    ]
    documents, _ = write(events)

    assert [item["type"] for item in _items(documents)] == ["message", "function_call", "message"]
    assert _items(documents)[0]["content"][1]["text"] == "late"


def test_a_function_called_with_nothing_is_called_with_an_empty_object() -> None:
    documents, _ = write([START, *_call(0, "", call_id="a", name="f"), STOP])

    assert _items(documents)[0]["arguments"] == "{}"
    assert [document["delta"] for document in documents if "delta" in document] == ["{}"]


def test_a_custom_tool_may_be_called_with_nothing() -> None:
    documents, _ = write([START, *_call(0, "", call_id="a", name="f", kind=ToolKind.CUSTOM), STOP])

    assert _items(documents)[0]["input"] == ""


SUMMARISED: list[Event] = [
    START,
    PartStarted(index=0, kind=PartKind.REASONING),
    ReasoningDelta(index=0, text="one", summary=0),
    ReasoningDelta(index=0, text="two", summary=1),
    ReasoningDelta(index=0, text="!", summary=0),
    PartSigned(index=0, signature=Signature(value="gAAA", form=SignatureForm.OPENAI_ENCRYPTED)),
    PartFinished(index=0),
    STOP,
]


def test_summary_sections_follow_each_other() -> None:
    documents, _ = write(SUMMARISED)

    assert types(documents)[3:-2] == [
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
    ]
    (item,) = _items(documents)
    # What comes late for a section that ended joins the open one: no text is lost.
    assert [part["text"] for part in item["summary"]] == ["one", "two!"]
    assert item["encrypted_content"] == "gAAA"


THOUGHTS: list[Event] = [
    START,
    PartStarted(index=0, kind=PartKind.REASONING, item_id="rs_9"),
    ReasoningDelta(index=0, text="let "),
    ReasoningDelta(index=0, text="me"),
    PartSigned(index=0, signature=CLAUDE),
    PartFinished(index=0),
    STOP,
]


def test_full_thoughts_are_reasoning_text() -> None:
    documents, _ = write(THOUGHTS)

    assert types(documents)[2:-1] == [
        "output_item.added",
        "content_part.added",
        "reasoning_text.delta",
        "reasoning_text.delta",
        "reasoning_text.done",
        "content_part.done",
        "output_item.done",
    ]
    (item,) = _items(documents)
    assert item["id"] == "rs_9"
    assert item["content"] == [{"type": "reasoning_text", "text": "let me"}]
    assert item["encrypted_content"].startswith("trioproxy/1:")


def test_thoughts_of_other_vendors_are_a_summary() -> None:
    documents, _ = write([attrs.evolve(e, item_id=None) if isinstance(e, PartStarted) else e for e in THOUGHTS])

    assert types(documents)[2:-1] == [
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
    ]
    (item,) = _items(documents)
    assert item["summary"] == [{"type": "summary_text", "text": "let me"}]
    assert "content" not in item
    assert item["encrypted_content"].startswith("trioproxy/1:")


def test_thoughts_that_nobody_signed_are_marked_for_what_they_are() -> None:
    unsigned = [event for event in THOUGHTS if not isinstance(event, PartSigned)]
    foreign = [attrs.evolve(e, item_id=None) if isinstance(e, PartStarted) else e for e in unsigned]

    (item,) = _items(write(foreign)[0])
    assert item["encrypted_content"] == UNSIGNED
    (item,) = _items(write(unsigned)[0])
    assert "encrypted_content" not in item


def test_a_client_that_asked_for_summaries_gets_thoughts_as_one() -> None:
    asked = Conversation(model="m", reasoning=ReasoningAsk(summary="auto"))
    documents, _ = write(THOUGHTS, asked)

    (item,) = _items(documents)
    assert item["summary"] == [{"type": "summary_text", "text": "let me"}]
    assert "content" not in item


def test_a_signature_on_a_call_follows_it() -> None:
    call: list[Event] = [
        ToolCallStarted(index=0, call_id="a", name="f"),
        PartSigned(index=0, signature=GEMINI),
        PartFinished(index=0),
    ]
    documents, _ = write([START, *call, STOP])

    called, sealed = _items(documents)
    assert (called["type"], sealed["type"], sealed["summary"]) == ("function_call", "reasoning", [])
    assert '"a"' in sealed["encrypted_content"]


def test_a_signature_on_a_text_is_a_loss() -> None:
    events: list[Event] = [
        PartStarted(index=0, kind=PartKind.TEXT),
        PartSigned(index=0, signature=GEMINI),
        PartFinished(index=0),
    ]
    _, writer = write([START, *events, STOP])

    assert [loss.path for loss in writer.losses] == ["output[0].signature"]


def test_citations_become_annotations() -> None:
    events: list[Event] = [
        PartStarted(index=0, kind=PartKind.TEXT),
        TextDelta(index=0, text="as said"),
        CitationAdded(index=0, citation=Citation(url="https://a.example/", title="A", start=0, end=2)),
        CitationAdded(index=0, citation=Citation(url="https://b.example/", cited_text="b")),
        CitationAdded(index=0, citation=Citation(cited_text="nowhere")),
        PartFinished(index=0),
    ]
    documents, writer = write([START, *events, STOP])

    annotations = _items(documents)[0]["content"][0]["annotations"]
    assert [(a["url"], a["title"], a["start_index"], a["end_index"]) for a in annotations] == [
        ("https://a.example/", "A", 0, 2),
        ("https://b.example/", "", 0, 7),
    ]
    added = [document for document in documents if document["type"].endswith("annotation.added")]
    assert [document["annotation_index"] for document in added] == [0, 1]
    assert [loss.path for loss in writer.losses] == ["output[0].citations.cited_text", "output[0].citations"]


def test_own_items_are_restored_and_others_are_lost() -> None:
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    events: list[Event] = [
        Foreign(index=0, protocol="openai_responses", kind="web_search_call", payload=search),
        Foreign(index=1, protocol="anthropic", kind="server_tool_use", payload={}),
    ]
    documents, writer = write([START, *events, STOP])

    assert _items(documents) == [search]
    assert types(documents)[2:-1] == ["output_item.added", "output_item.done"]
    assert [loss.path for loss in writer.losses] == ["output[1]"]


@pytest.mark.parametrize("before", [[], _text(0, "x")], ids=["alone", "in a message"])
def test_a_content_part_of_a_kind_of_its_own_stands_in_a_message(before: list[Event]) -> None:
    index = 1 if before else 0
    odd = Foreign(index=index, protocol="openai_responses", kind="content/chart", payload={"type": "chart", "x": 1})
    documents, _ = write([START, *before, odd, STOP])

    (message,) = _items(documents)
    assert message["content"][-1] == {"type": "chart", "x": 1}
    assert len(message["content"]) == index + 1


def test_members_of_this_protocol_are_put_back_on_their_items() -> None:
    note = {"item": {"id": "msg_7"}, "blank": {}, "fields": ("phase",), "typed": True, "string": False}
    phase = packed("openai_responses", {"phase": "commentary"}, spelling={"message": note})
    caller = packed("openai_responses", {"caller": {"type": "direct"}}, spelling={"item": {"id": "fc_7"}})
    call = _call(1, "{}", call_id="a", name="f", extras=caller)
    documents, _ = write([START, *_text(0, "x", extras=phase), *call, STOP])

    message, called = _items(documents)
    assert (message["id"], message["phase"]) == ("msg_7", "commentary")
    assert (called["id"], called["caller"]) == ("fc_7", {"type": "direct"})


def test_members_of_another_protocol_are_losses() -> None:
    extras = packed("anthropic", {"caller": {"type": "direct"}})
    _, writer = write([START, *_call(0, "{}", call_id="a", name="f", extras=extras), STOP])

    assert [loss.path for loss in writer.losses] == ["output[0].caller"]


SHELL = Conversation(
    model="m",
    tools=(
        Tool(name="shell", extras=packed("openai_responses", {}, spelling={"declared": {"type": "shell"}})),
        Tool(name="apply_patch"),
    ),
)


def test_a_built_in_tool_is_called_by_its_own_item() -> None:
    documents, _ = write([START, *_call(0, '{"commands":["ls"]}', call_id="a", name="shell"), STOP], SHELL)

    assert types(documents)[2:-1] == ["output_item.added", "output_item.done"]
    assert _items(documents) == [
        {
            "id": "sh_abc_0",
            "type": "shell_call",
            "status": "completed",
            "call_id": "a",
            "action": {"commands": ["ls"]},
        }
    ]


def test_a_built_in_tool_called_with_nonsense_is_shown_as_it_is() -> None:
    documents, _ = write([START, *_call(0, "ls", call_id="a", name="shell"), STOP], SHELL)

    assert (_items(documents)[0]["type"], _items(documents)[0]["arguments"]) == ("function_call", "ls")
    assert "function_call_arguments.done" in types(documents)


def test_a_function_of_that_name_stays_a_function() -> None:
    documents, _ = write([START, *_call(0, "{}", call_id="a", name="apply_patch"), STOP], SHELL)

    assert _items(documents)[0]["type"] == "function_call"


@pytest.mark.parametrize(
    ("reason", "status", "details"),
    [
        (FinishReason.STOP, "completed", None),
        (FinishReason.STOP_SEQUENCE, "completed", None),
        (FinishReason.TOOL_CALLS, "completed", None),
        (FinishReason.REFUSAL, "incomplete", {"reason": "content_filter"}),
        (FinishReason.PAUSE, "completed", None),
        (FinishReason.LENGTH, "incomplete", {"reason": "max_output_tokens"}),
        (FinishReason.CONTEXT_LENGTH, "incomplete", {"reason": "max_output_tokens"}),
        (FinishReason.CONTENT_FILTER, "incomplete", {"reason": "content_filter"}),
    ],
)
def test_the_end_tells_why(reason: FinishReason, status: str, details: object) -> None:
    documents, _ = write([START, *_text(0, "x"), Finished(reason=reason)])

    response = documents[-1]["response"]
    assert documents[-1]["type"] == f"response.{status}"
    assert (response["status"], response["incomplete_details"]) == (status, details)
    assert response["output"][0]["status"] == status


def test_a_refusal_in_words_is_complete() -> None:
    refusal: list[Event] = [
        PartStarted(index=0, kind=PartKind.REFUSAL),
        RefusalDelta(index=0, text="no"),
        PartFinished(index=0),
    ]
    documents, _ = write([START, *refusal, Finished(reason=FinishReason.REFUSAL)])

    assert documents[-1]["response"]["status"] == "completed"


def test_a_response_that_waits_in_the_background_says_so() -> None:
    documents, _ = write([START, *_text(0, "x"), Finished(reason=FinishReason.PAUSE, raw="queued")])

    assert documents[-1]["response"]["status"] == "queued"


def test_a_failure_ends_the_stream_with_what_was_whole() -> None:
    failure = Failure(kind=ErrorKind.RATE_LIMITED, message="slow down", fault=Fault.UPSTREAM, param="model")
    open_call = ToolCallStarted(index=1, call_id="a", name="f")
    documents, writer = write([START, *_text(0, "x"), open_call, Failed(failure=failure)])

    response = documents[-1]["response"]
    assert documents[-1]["type"] == "response.failed"
    assert response["status"] == "failed"
    assert response["error"] == {"code": "rate_limit_exceeded", "message": "slow down", "param": "model"}
    assert [item["type"] for item in response["output"]] == ["message"]
    assert not writer.close()


def test_a_failure_before_anything_else_still_creates_a_response() -> None:
    documents, _ = write([Failed(failure=Failure(kind=ErrorKind.TIMEOUT, message="silence"))])

    assert types(documents) == ["created", "in_progress", "failed"]
    assert {document["response"]["id"] for document in documents} == {"resp_abc"}
    assert documents[-1]["response"]["error"]["code"] == "server_error"


def _settled(answer: Answer) -> list[object]:
    """The parts of an answer without what this protocol has no word for."""
    found: list[object] = []
    for part in answer.parts:
        match part:
            case Opaque(protocol="elsewhere"):
                continue
            case Opaque(kind="reasoning"):
                # Empty reasoning, or a signature that stood on a call.
                continue
            case Opaque():
                found.append(part.payload)
            case Text():
                # Sources that name no place come at the end of their text.
                cited = sorted((citation.url or "", citation.title or "") for citation in part.citations)
                found.append((part.text, cited))
            case Refusal():
                found.append(("refused", part.text))
            case Reasoning(text="", summary=(), signature=None):
                continue
            case Reasoning():
                signature = part.signature and (part.signature.form, part.signature.value)
                # What no provider of this protocol said is told as a summary, whatever it was.
                found.append(("".join((part.text, *part.summary)), signature))
            case ToolCall():
                empty = "{}" if part.kind is ToolKind.FUNCTION else ""
                found.append((part.call_id, part.name, part.kind, part.arguments or empty))
    return found


def _own_odd_items(event: Event) -> Event:
    """Foreign items as this protocol's reader makes them: with a type and an id."""
    if isinstance(event, Foreign) and event.protocol == "openai_responses":
        return attrs.evolve(event, payload={**event.payload, "type": event.kind, "id": f"odd_{event.index}"})
    return event


@given(legal_events(foreign=("elsewhere", "openai_responses")))
def test_whatever_is_written_is_read_again(events: list[Event]) -> None:
    events = [_own_odd_items(event) for event in events]
    answer = fold(events)

    documents, _ = write(events)
    again = fold(read(Frame(dumps(document)) for document in documents))

    assert [document["sequence_number"] for document in documents] == list(range(len(documents)))
    ids = [document["response"]["id"] for document in documents if "response" in document]
    assert len(set(ids)) == 1
    if answer.failure is not None:
        assert again.failure is not None
        assert again.failure.message in {
            answer.failure.message,
            "The provider ended the answer as failed and did not say why.",
        }
        return
    assert again.failure is None
    # A reader may start a part later than the provider opened it, so parts that were open together may change places.
    assert sorted(_settled(again), key=repr) == sorted(_settled(answer), key=repr)
    assert (again.usage or Usage()).total == (answer.usage or Usage()).total
    incomplete = {FinishReason.LENGTH, FinishReason.CONTEXT_LENGTH, FinishReason.CONTENT_FILTER}
    # A refusal without words has nothing to be complete.
    refused = any(isinstance(part, Refusal) and part.text for part in answer.parts)
    broken_off = answer.finish in incomplete or (answer.finish is FinishReason.REFUSAL and not refused)
    assert (again.finish in incomplete) == broken_off


@settings(max_examples=60)
@given(legal_events(foreign=("elsewhere", "openai_responses"), interleaved=False, may_fail=False))
def test_parts_that_follow_each_other_keep_their_order(events: list[Event]) -> None:
    events = [_own_odd_items(event) for event in events]

    documents, _ = write(events)

    assert _settled(fold(read(Frame(dumps(each)) for each in documents))) == _settled(fold(events))


@settings(max_examples=60)
@given(legal_events(foreign=()))
def test_every_item_is_announced_grows_and_is_whole(events: list[Event]) -> None:
    documents, _ = write(events)

    opened: dict[int, Object] = {}
    texts: dict[tuple[int, str, int], str] = {}
    for document in documents:
        kind, index = document["type"], document.get("output_index", -1)
        if kind == "response.output_item.added":
            assert index == len(opened)
            opened[index] = document["item"]
        elif kind == "response.output_item.done":
            assert opened[index]["id"] == document["item"]["id"]
            opened[index] = document["item"]
        elif index >= 0:
            assert document["item_id"] == opened[index]["id"]
            name = kind.rsplit(".", 1)[0]
            key = (index, name, int(document.get("content_index") or document.get("summary_index") or 0))
            if kind.endswith(".delta"):
                texts[key] = texts.get(key, "") + document["delta"]
            elif kind.endswith(".done") and "part" not in document:
                whole = document.get("text", document.get("refusal", document.get("arguments", document.get("input"))))
                assert whole == texts.get(key, "")
    if documents[-1]["type"] != "response.failed":
        assert documents[-1]["response"]["output"] == [opened[index] for index in sorted(opened)]


def test_a_call_of_another_vendor_says_that_none_of_its_arguments_is_encrypted() -> None:
    schema = {"type": "object", "properties": {"message": {"type": "string", "encrypted": True}}}
    asked = Conversation(model="m", tools=(Tool(name="spawn", namespace="team", schema=schema), Tool(name="look")))
    own = packed("openai_responses", {"encrypted_function_args": ["message"]})
    events = [
        START,
        *_call(0, "{}", call_id="a", name="spawn", namespace="team"),
        *_call(1, "{}", call_id="b", name="look"),
        *_call(2, "{}", call_id="c", name="spawn", namespace="team", extras=own),
        STOP,
    ]
    documents, writer = write(events, asked)

    said = [item.get("encrypted_function_args") for item in documents[-1]["response"]["output"]]
    assert said == [[], None, ["message"]]
    assert writer.losses == []


@pytest.mark.parametrize(("arguments", "status"), [("", "completed"), ('{"commands":', "incomplete")])
def test_a_call_that_makes_no_item_of_its_own_is_as_whole_as_its_arguments(arguments: str, status: str) -> None:
    documents, _ = write([START, *_call(0, arguments, call_id="a", name="shell"), STOP], SHELL)

    (item,) = documents[-1]["response"]["output"]
    assert (item["type"], item["status"], item["arguments"]) == ("function_call", status, arguments or "{}")
    assert item == next(each["item"] for each in documents if each["type"] == "response.output_item.done")
