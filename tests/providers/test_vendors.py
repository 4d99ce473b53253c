"""Edits for one vendor: what each does, and that it leaves alone what it should."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.loss import Loss
from trioproxy.protocols.base import WriteTarget
from trioproxy.protocols.openai_chat.draft import Draft
from trioproxy.providers.quirk import QuirkContext
from trioproxy.providers.quirks import Edited, edited


def edit(body: Any, *names: str, ours: bool = False, quirks: frozenset[str] = frozenset()) -> Edited | None:
    """The edited body; checks that the document given was not touched."""
    before = copy.deepcopy(body)
    raw = None if ours else json.dumps(body).encode()
    done = edited(names, raw, body, QuirkContext(protocol="openai_chat", model="m", quirks=quirks))
    assert body == before
    return done


def call(call_id: Any) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}


def test_ids_of_calls_become_short_for_the_call_and_its_result() -> None:
    done = edit(
        {
            "messages": [
                {"role": "assistant", "tool_calls": [call("toolu_01ABC"), call("abcDEF123"), call(None), "odd"]},
                {"role": "tool", "tool_call_id": "toolu_01ABC", "content": "x"},
                "odd",
            ]
        },
        "mistral-call-ids",
    )
    assert done is not None
    asked, answered, odd = done.body["messages"]
    short = asked["tool_calls"][0]["id"]
    assert short.isalnum()
    assert len(short) == 9
    assert asked["tool_calls"][1:] == [call("abcDEF123"), call(None), "odd"]
    assert (answered["tool_call_id"], odd) == (short, "odd")


@given(call_id=st.text(max_size=60))
def test_a_call_has_one_short_id_in_both_lanes(call_id: str) -> None:
    body = {"messages": [{"role": "tool", "tool_call_id": call_id}]}
    done = edit(body, "mistral-call-ids", ours=True)
    passed = (done.body if done is not None else body)["messages"][0]["tool_call_id"]
    draft = Draft(target=WriteTarget(model="m", quirks=frozenset({"mistral-call-ids"})), native=False)
    assert passed == draft.call_id(call_id)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("mistral-call-ids", {"messages": [{"role": "tool", "tool_call_id": "abcDEF123"}]}),
        ("mistral-call-ids", {"messages": "x", "tool_calls": 1}),
        ("no-reasoning-history", {"messages": [{"role": "assistant", "content": "reasoning"}]}),
        ("temperature-to-one", {"temperature": 0.5}),
        ("temperature-to-one", {"temperature": 1}),
        ("temperature-to-one", {"temperature": True}),
        ("temperature-to-one", {"temperature": None}),
        ("thinking-in-template", {"messages": [{"content": '"enable_thinking"', "enable_thinking": 1}]}),
        ("no-empty-tools", {"tools": [{"type": "function"}]}),
        ("no-empty-tools", {"messages": [{"tools": []}]}),
    ],
)
def test_a_body_that_needs_no_change_is_left_alone(name: str, body: Any) -> None:
    assert edit(body, name) is None
    assert edit(body, name, ours=True) is None


def test_thoughts_are_left_out_of_a_history() -> None:
    thoughts = {"reasoning_content": "hm", "reasoning": "hm", "reasoning_details": [{}]}
    done = edit({"messages": [{"role": "assistant", "content": "ok", **thoughts}]}, "no-reasoning-history")
    assert done is not None
    assert done.body == {"messages": [{"role": "assistant", "content": "ok"}]}
    assert [loss.path for loss in done.losses] == ["messages.reasoning_content"]


@pytest.mark.parametrize(("asked", "given_"), [(1.7, 1.0), (2, 1.0), (0, 0.01), (-1, 0.01)])
def test_a_temperature_is_brought_into_range(asked: float, given_: float) -> None:
    done = edit({"temperature": asked}, "temperature-to-one")
    assert done is not None
    assert done.body == {"temperature": given_}
    assert [loss.path for loss in done.losses] == ["temperature"]


def test_thinking_is_said_in_the_template() -> None:
    done = edit(
        {"enable_thinking": True, "thinking_budget": 9, "chat_template_kwargs": {"x": 1}}, "thinking-in-template"
    )
    assert done is not None
    assert done.body == {"chat_template_kwargs": {"clear_thinking": False, "x": 1, "enable_thinking": True}}
    assert done.losses == (Loss("thinking_budget", "the model can only be told whether to think"),)
    plain = edit({"enable_thinking": False, "chat_template_kwargs": None}, "thinking-in-template")
    assert plain is not None
    assert plain.losses == ()


def test_an_empty_list_of_tools_is_left_out() -> None:
    done = edit({"model": "m", "tools": []}, "no-empty-tools")
    assert done is not None
    assert done.body == {"model": "m"}


def test_what_our_own_writer_wrote_is_edited_only_by_name() -> None:
    body = {"stream_options": {}, "tools": [{"defer_loading": True}]}
    assert edit(body, ours=True) is None
    assert edit(body, "strip-stream-options", ours=True) is not None
    context = QuirkContext(protocol="gemini", model="m")
    assert edited((), None, {"tools": [{"defer_loading": True}]}, context) is None


def test_mistral_gets_its_own_names_and_nothing_it_refuses() -> None:
    done = edit({"seed": 1, "user": "u", "store": True, "temperature": 0}, "mistral-fields")
    assert done is not None
    assert done.body == {"random_seed": 1, "temperature": 0}
    assert [loss.path for loss in done.losses] == ["store", "user"]
    done = edit({"user": "u"}, "mistral-fields")
    assert done is not None
    assert done.body == {}
    assert edit({"temperature": 0}, "mistral-fields") is None
    assert edit({"messages": [{"content": '"user"'}]}, "mistral-fields", ours=True) is None


def test_the_limit_by_its_older_name() -> None:
    done = edit({"max_completion_tokens": 9}, "max-tokens")
    assert done is not None
    assert done.body == {"max_tokens": 9}
    done = edit({"max_completion_tokens": 9, "max_tokens": 7}, "max-tokens")
    assert done is not None
    assert done.body == {"max_tokens": 7}
    assert edit({"max_tokens": 7}, "max-tokens") is None


@pytest.mark.parametrize(
    ("body", "sent", "lost"),
    [
        ({"max_tokens": 9, "temperature": 0.2}, {"max_completion_tokens": 9}, ["temperature"]),
        ({"temperature": 0.2, "top_p": 0.5}, {}, ["temperature", "top_p"]),
        (
            {"max_tokens": 9, "temperature": 1, "top_p": None},
            {"max_completion_tokens": 9, "temperature": 1, "top_p": None},
            [],
        ),
        (
            {"max_tokens": 9, "temperature": 0.2, "reasoning_effort": "none"},
            {"max_completion_tokens": 9, "temperature": 0.2, "reasoning_effort": "none"},
            [],
        ),
    ],
)
def test_what_a_reasoning_model_refuses_in_passing(body: Any, sent: Any, lost: list[str]) -> None:
    done = edit(body, "openai-reasoning-limits")
    assert done is not None
    assert done.body == sent
    assert [loss.path for loss in done.losses] == lost


@pytest.mark.parametrize("body", [{"max_completion_tokens": 9}, {"temperature": 1, "presence_penalty": 0}])
def test_what_a_reasoning_model_takes_stays_as_it_is(body: Any) -> None:
    assert edit(body, "openai-reasoning-limits") is None


def test_a_model_that_fixes_its_own_sampling() -> None:
    done = edit({"temperature": 0.5, "top_p": 1, "presence_penalty": 0, "n": 1}, "fixed-sampling")
    assert done is not None
    assert done.body == {"n": 1}
    assert [loss.path for loss in done.losses] == ["temperature", "top_p", "presence_penalty"]
    assert edit({"n": 1}, "fixed-sampling") is None


def test_details_of_thoughts_that_nobody_asked_for() -> None:
    said = {
        "role": "assistant",
        "content": "x",
        "reasoning_content": "t",
        "reasoning_details": [{"type": "reasoning.text"}],
    }
    done = edit({"messages": [said, "odd"]}, "no-reasoning-details")
    assert done is not None
    assert done.body["messages"] == [{"role": "assistant", "content": "x", "reasoning_content": "t"}, "odd"]
    assert [loss.path for loss in done.losses] == ["messages.reasoning_details"]
    assert edit({"messages": [{"content": '"reasoning_details"'}]}, "no-reasoning-details") is None


_FORCED = {"type": "function", "function": {"name": "f"}}


@pytest.mark.parametrize(
    ("quirks", "said", "expected", "lost"),
    [
        ((), {"tool_choice": "required"}, {"thinking": {"type": "disabled"}}, []),
        (
            (),
            {"tool_choice": _FORCED, "reasoning_effort": "high"},
            {"thinking": {"type": "disabled"}},
            ["reasoning_effort"],
        ),
        ((), {"tool_choice": "any", "thinking": {"type": "enabled"}}, {"thinking": {"type": "disabled"}}, ["thinking"]),
        (
            ("enable-thinking",),
            {"tool_choice": "required", "enable_thinking": True, "thinking_budget": 5},
            {"enable_thinking": False},
            ["enable_thinking", "thinking_budget"],
        ),
    ],
)
def test_a_forced_tool_and_thoughts_exclude_each_other(
    quirks: tuple[str, ...], said: Any, expected: Any, lost: list[str]
) -> None:
    done = edit(said, "forced-tools-unthinking", quirks=frozenset(quirks))
    assert done is not None
    assert done.body == {"tool_choice": said["tool_choice"], **expected}
    assert sorted(loss.path for loss in done.losses) == lost


@pytest.mark.parametrize(
    "said",
    [
        {"tool_choice": "auto"},
        {"tool_choice": {"type": "allowed_tools"}},
        {"tool_choice": "required", "thinking": {"type": "disabled"}},
        {"messages": "tool_choice"},
    ],
)
def test_a_tool_that_is_not_forced_leaves_thoughts_alone(said: Any) -> None:
    assert edit(said, "forced-tools-unthinking") is None


def test_a_model_that_thinks_in_streams_alone() -> None:
    names = frozenset({"enable-thinking"})
    done = edit({"n": 1}, "unstreamed-unthinking", quirks=names)
    assert done is not None
    assert done.body == {"n": 1, "enable_thinking": False}
    assert done.losses == ()
    assert edit({"stream": True}, "unstreamed-unthinking", quirks=names) is None
    assert edit({"enable_thinking": False, "stream": False}, "unstreamed-unthinking", quirks=names) is None


def test_what_is_googles_goes_to_google_alone() -> None:
    signed = {"extra_content": {"google": {"thought_signature": "x"}}}
    said = {"role": "assistant", "content": None, "tool_calls": [{**call("a"), **signed}, "odd"], **signed}
    done = edit({"messages": [said, {"role": "user", "content": "hi"}]}, "no-extra-content")
    assert done is not None
    assert done.body["messages"][0] == {"role": "assistant", "content": None, "tool_calls": [call("a"), "odd"]}
    assert [loss.path for loss in done.losses] == ["messages.extra_content"]
    called = {"role": "assistant", "tool_calls": ["odd", call("b"), {**call("a"), **signed}]}
    done = edit({"messages": ["odd", called]}, "no-extra-content")
    assert done is not None
    assert done.body["messages"][1]["tool_calls"] == ["odd", call("b"), call("a")]
    assert edit({"messages": [{"role": "assistant", "tool_calls": [call("b")]}]}, "no-extra-content") is None
    assert edit({"messages": [{"role": "user", "content": '"extra_content"'}]}, "no-extra-content") is None


BILLING = "x-anthropic-billing-header: cc_version=2.1.197.71e; cc_entrypoint=cli; cch=74943;"
YOU = {"type": "text", "text": "You are.", "cache_control": {"type": "ephemeral"}}


@pytest.mark.parametrize(
    ("system", "left"),
    [
        ([{"type": "text", "text": BILLING}, YOU, "odd"], [YOU, "odd"]),
        ([{**YOU, "text": f"{BILLING}\n\nYou are."}], [YOU]),
        (f"{BILLING}\nYou are.", "You are."),
        ([{**YOU, "text": f"Not {BILLING}"}], None),
        (f"Not {BILLING}", None),
        ({"text": BILLING}, None),
    ],
)
def test_what_is_for_anthropics_billing_stays_out_of_other_prompts(system: Any, left: Any) -> None:
    body = {"model": "m", "system": system}
    done = edited(("no-billing-header",), json.dumps(body).encode(), body, QuirkContext(protocol="anthropic"))
    assert (done.body if done is not None else None) == ({**body, "system": left} if left is not None else None)
