from __future__ import annotations

from typing import Any

import attrs
import pytest

from tests.protocols.anthropic.wires import ADAPTIVE, BOTH, TARGET, Thinking
from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.anthropic import rules
from trioproxy.protocols.anthropic.draft import Draft, Message
from trioproxy.protocols.anthropic.rules import RULES, apply_rules

ON = {"type": "enabled", "budget_tokens": 2000}
AUTO = {"type": "adaptive"}
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": "EqwC"}
USE = {"type": "tool_use", "id": "t", "name": "f", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "t", "content": "ok"}


def text(words: str = "hi", **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def draft(
    *messages: tuple[str, list[Any]], facts: Thinking | None = None, limit: int | None = None, **top: Any
) -> Draft:
    return Draft(
        target=attrs.evolve(TARGET, thinking=facts, max_output_tokens=limit),
        top=top,
        messages=[Message(role=role, blocks=[dict(each) for each in blocks]) for role, blocks in messages]
        or [Message(role="user", blocks=[text()])],
    )


def after(rule: rules.Rule, made: Draft) -> tuple[dict[str, Any], list[str]]:
    rule(made)
    return made.top, [loss.path for loss in made.losses]


def test_every_rule_is_in_the_table_once() -> None:
    assert len(RULES) == len(set(RULES))
    assert all(rule.__doc__ for rule in RULES)


def test_a_legal_body_passes_unchanged() -> None:
    made = draft(
        ("user", [text()]),
        ("assistant", [THOUGHT, USE]),
        ("user", [RESULT, text("and")]),
        thinking=ON,
        max_tokens=4096,
        temperature=1.0,
        tool_choice={"type": "auto"},
        output_config={"effort": "low"},
    )
    made.tools = [{"name": "f", "input_schema": {"type": "object"}}]
    before = made.body()
    apply_rules(made)
    assert made.body() == before
    assert made.losses == []


def test_nothing_to_answer() -> None:
    with pytest.raises(ClientFault, match="messages") as caught:
        apply_rules(draft(("user", [])))
    assert (caught.value.failure.kind, caught.value.failure.param) == (ErrorKind.INVALID_REQUEST, "messages")


def test_thoughts_that_led_to_nothing_go() -> None:
    hidden = {"type": "redacted_thinking", "data": "x"}
    made = draft(
        ("user", [text("a")]), ("assistant", [THOUGHT, hidden]), ("user", [text("b")]), ("assistant", [USE, THOUGHT])
    )
    assert after(rules.thoughts_led_on, made)[1] == ["messages"] * 3
    assert [message.blocks for message in made.messages] == [[text("a"), text("b")], [USE]]
    own = draft(("assistant", [THOUGHT]))
    own.messages[0].own = True
    assert after(rules.thoughts_led_on, own)[1] == []


@pytest.mark.parametrize(
    ("messages", "ends", "losses"),
    [
        ([("assistant", [text("so far \n")])], "so far", ["messages"]),
        ([("assistant", [text("so far")])], "so far", []),
        ([("assistant", [text("x "), USE])], None, []),
        ([("user", [text("x ")])], "x ", []),
    ],
)
def test_no_trailing_white_space(messages: Any, ends: str | None, losses: list[str]) -> None:
    made = draft(*messages)
    assert after(rules.no_trailing_white_space, made)[1] == losses
    assert made.messages[-1].blocks[-1].get("text") == ends


def test_an_assistant_message_of_fields_alone_is_passed_over() -> None:
    assert after(rules.no_trailing_white_space, draft(("assistant", []))) == ({}, [])


@pytest.mark.parametrize(("asked", "sent"), [(100, 100), (9000, 8192), (None, None)])
def test_max_tokens_within_the_model(asked: int | None, sent: int | None) -> None:
    top: dict[str, Any] = {} if asked is None else {"max_tokens": asked}
    found, losses = after(rules.max_tokens_within_model, draft(limit=8192, **top))
    assert found.get("max_tokens") == sent
    assert losses == (["max_tokens"] if asked != sent else [])


def test_an_unknown_limit_limits_nothing() -> None:
    assert after(rules.max_tokens_within_model, draft(max_tokens=10**6)) == ({"max_tokens": 10**6}, [])


@pytest.mark.parametrize("kind", ["any", "tool"])
def test_no_budget_beside_a_forced_tool(kind: str) -> None:
    made = draft(thinking=ON, tool_choice={"type": kind}, output_config={"effort": "low", "format": {}})
    top, losses = after(rules.thinking_or_forced_tool, made)
    assert top == {"tool_choice": {"type": kind}, "output_config": {"format": {}}}
    assert losses == ["thinking"]


@pytest.mark.parametrize("own", [True, False])
def test_the_adaptive_mode_beside_a_forced_tool(own: bool) -> None:
    made = draft(thinking=AUTO, tool_choice={"type": "any"}, output_config={"effort": "low"})
    made.own_thinking = own
    top, losses = after(rules.thinking_or_forced_tool, made)
    assert ("thinking" in top, "output_config" in top, losses) == (own, own, [] if own else ["thinking"])


@pytest.mark.parametrize(
    "top",
    [
        {"tool_choice": {"type": "auto"}, "thinking": ON},
        {"tool_choice": {"type": "any"}},
        {"tool_choice": {"type": "any"}, "thinking": {"type": "disabled"}},
        {"thinking": AUTO},
    ],
)
def test_thinking_that_may_stay(top: Any) -> None:
    assert after(rules.thinking_or_forced_tool, draft(**top)) == (top, [])


def test_errors_are_told_in_words() -> None:
    picture = {"type": "image", "source": {}}
    failed = {**RESULT, "is_error": True, "content": [text("no"), picture]}
    fine = {**RESULT, "content": [picture]}
    plain = {**RESULT, "is_error": True}
    bare = {"type": "tool_result", "tool_use_id": "t", "is_error": True}
    made = draft(("user", [failed, fine, plain, {**failed, "content": [text("no")]}, text(), bare]))
    assert after(rules.errors_in_words, made)[1] == ["messages"]
    contents = [block.get("content") for block in made.messages[0].blocks]
    assert contents == [[text("no")], [picture], "ok", [text("no")], None, "The tool failed and said nothing."]


LOST_LOOP = [("user", [text()]), ("assistant", [USE]), ("user", [RESULT])]
KEPT_LOOP = [("user", [text()]), ("assistant", [THOUGHT, USE]), ("user", [RESULT])]
LONG_LOOP = [*KEPT_LOOP, ("assistant", [text(), USE]), ("user", [RESULT, text()])]


@pytest.mark.parametrize(
    ("messages", "thinking", "dropped"),
    [
        (LOST_LOOP, ON, True),
        (LOST_LOOP, AUTO, False),
        (KEPT_LOOP, ON, False),
        (LONG_LOOP, ON, False),
        ([*LOST_LOOP, ("assistant", [text()]), ("user", [text("next")])], ON, False),
        ([("assistant", [USE]), ("system", [text()]), ("user", [RESULT])], ON, True),
        ([("user", [text()]), ("assistant", [text()])], ON, True),
        ([("user", [text()]), ("assistant", [])], ON, False),
        ([("user", [text()])], ON, False),
    ],
)
def test_a_loop_that_lost_its_thoughts_goes_on_without(messages: Any, thinking: Any, dropped: bool) -> None:
    top, losses = after(rules.budget_with_its_thoughts, draft(*messages, thinking=thinking))
    assert ("thinking" not in top, losses) == (dropped, ["thinking"] if dropped else [])


@pytest.mark.parametrize(
    ("limit", "budget", "losses"),
    [(2001, 2000, []), (2000, 1999, ["reasoning"]), (1025, 1024, ["reasoning"]), (1024, None, ["thinking"])],
)
def test_a_budget_is_below_max_tokens(limit: int, budget: int | None, losses: list[str]) -> None:
    top, found = after(rules.budget_below_max_tokens, draft(thinking=ON, max_tokens=limit))
    assert top.get("thinking", {}).get("budget_tokens") == budget
    assert found == losses


def test_no_budget_no_limit() -> None:
    assert after(rules.budget_below_max_tokens, draft(thinking=AUTO, max_tokens=1))[1] == []
    assert after(rules.budget_below_max_tokens, draft(thinking=ON))[1] == []


@pytest.mark.parametrize(("facts", "losses"), [(None, []), (BOTH, []), (ADAPTIVE, ["temperature", "top_k"])])
def test_models_without_sampling(facts: Thinking | None, losses: list[str]) -> None:
    made = draft(facts=facts, temperature=0.5, top_k=3)
    assert after(rules.no_sampling_where_refused, made)[1] == losses


@pytest.mark.parametrize(
    ("top", "kept"),
    [
        ({"temperature": 0.5, "top_p": 0.9, "top_k": 5, "thinking": ON}, {"thinking": ON}),
        ({"temperature": 1, "top_p": 0.95, "thinking": AUTO}, {"temperature": 1, "top_p": 0.95, "thinking": AUTO}),
        (
            {"temperature": 0.5, "thinking": {"type": "disabled"}},
            {"temperature": 0.5, "thinking": {"type": "disabled"}},
        ),
        ({"temperature": 0.5}, {"temperature": 0.5}),
    ],
)
def test_sampling_beside_thinking(top: Any, kept: Any) -> None:
    found, losses = after(rules.sampling_beside_thinking, draft(**top))
    assert found == kept
    assert losses == [name for name in top if name not in kept]


def test_temperature_ends_at_one() -> None:
    assert after(rules.temperature_within_one, draft(temperature=1.7)) == ({"temperature": 1}, ["temperature"])
    assert after(rules.temperature_within_one, draft(temperature=1.0)) == ({"temperature": 1.0}, [])
    assert after(rules.temperature_within_one, draft()) == ({}, [])


def test_temperature_goes_before_top_p() -> None:
    assert after(rules.one_of_temperature_and_top_p, draft(temperature=0.5, top_p=0.9)) == (
        {"temperature": 0.5},
        ["top_p"],
    )
    assert after(rules.one_of_temperature_and_top_p, draft(top_p=0.9)) == ({"top_p": 0.9}, [])


SHORT = {"type": "ephemeral"}
HOUR = {"type": "ephemeral", "ttl": "1h"}


def cached(*marks: Any) -> Draft:
    """A draft with these breakpoints on a tool, the system, a block in a tool result, the result, a text, and the request itself."""
    held = iter(marks)

    def mark(block: dict[str, Any]) -> dict[str, Any]:
        cache = next(held)
        return {**block, "cache_control": cache} if cache else block

    tools, system = [mark({"name": "f"})], [mark(text())]
    inner = mark(text())
    outer = mark({**RESULT, "content": [inner]})
    made = draft(("assistant", [USE]), ("user", [outer, mark(text())]))
    made.tools, made.system, made.top = tools, system, mark({})
    return made


def breakpoints(made: Draft) -> list[Any]:
    result, words = made.messages[1].blocks
    holders = [*made.tools, *made.system, *result["content"], result, words, made.top]
    return [each.get("cache_control") for each in holders]


def test_the_oldest_breakpoints_go() -> None:
    made = cached(*([SHORT] * 6))
    assert after(rules.few_breakpoints, made)[1] == ["cache_control"] * 2
    assert breakpoints(made) == [None, None, SHORT, SHORT, SHORT, SHORT]


def test_four_breakpoints_stay() -> None:
    made = cached(SHORT, None, SHORT, SHORT, SHORT, None)
    assert after(rules.few_breakpoints, made)[1] == []
    assert breakpoints(made) == [SHORT, None, SHORT, SHORT, SHORT, None]


def test_an_hour_may_not_come_late() -> None:
    made = cached(HOUR, HOUR, SHORT, HOUR, None, None)
    assert after(rules.long_breakpoints_first, made)[1] == ["cache_control"]
    assert breakpoints(made) == [HOUR, HOUR, SHORT, {"type": "ephemeral", "ttl": "5m"}, None, None]


def test_an_odd_breakpoint_counts_as_short() -> None:
    made = cached("odd", HOUR, None, None, None, None)
    rules.long_breakpoints_first(made)
    assert breakpoints(made)[1] == {"type": "ephemeral", "ttl": "5m"}


def test_a_history_that_begins_with_the_model_gets_an_opening() -> None:
    made = draft(("assistant", [text("Hello.")]), ("user", [text()]))
    assert after(rules.the_user_first, made)[1] == ["messages"]
    assert [message.role for message in made.messages] == ["user", "assistant", "user"]
    made = draft(("assistant", [text()]))
    made.messages[0].own = True
    assert after(rules.the_user_first, made)[1] == []


@pytest.mark.parametrize(("facts", "roles"), [(ADAPTIVE, 3), (BOTH, 3), (None, 2), (Thinking(minimum=1024), 2)])
def test_newer_models_are_asked_to_go_on(facts: Thinking | None, roles: int) -> None:
    made = draft(("user", [text()]), ("assistant", [text("Sure:")]), facts=facts)
    losses = after(rules.the_user_last, made)[1]
    assert len(made.messages) == roles
    assert losses == (["messages"] if roles == 3 else [])


def test_a_prefill_of_this_apis_own_client_stays() -> None:
    made = draft(("user", [text()]), ("assistant", [text("Sure:")]), facts=ADAPTIVE)
    made.messages[1].own = True
    assert after(rules.the_user_last, made)[1] == []


def test_what_a_history_called_is_declared_and_not_to_be_called() -> None:
    made = draft(("user", [text()]), ("assistant", [USE, {**USE, "id": "u"}]), ("user", [RESULT]))
    top, losses = after(rules.tools_of_the_history, made)
    assert made.tools == [{"name": "f", "input_schema": {"type": "object", "properties": {}}}]
    assert (top["tool_choice"], losses) == ({"type": "none"}, ["tools"])
    made = draft(("user", [text()]), ("assistant", [USE]), ("user", [RESULT]))
    made.tools = [{"name": "g"}]
    assert after(rules.tools_of_the_history, made) == ({}, [])
    made = draft(("user", [text()]), ("assistant", [USE]), ("user", [RESULT]))
    made.messages[1].own = True
    assert after(rules.tools_of_the_history, made) == ({}, [])
