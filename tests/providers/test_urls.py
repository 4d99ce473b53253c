"""Joining bases and paths."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.errors import ClientFault, ErrorKind
from trioproxy.protocols.base import Operation
from trioproxy.providers.catalog import catalogue
from trioproxy.providers.model import BaseJoin, Wire
from trioproxy.providers.urls import (
    base_problem,
    forwarded_query,
    is_ancestor,
    join_base,
    models_url,
    realtime_url,
    same_origin,
    trim_base,
    url_for,
)


def wire(protocol: str, base: str) -> Wire:
    return catalogue().plain_wire(protocol, base)


@pytest.mark.parametrize(
    ("protocol", "base", "expected"),
    [
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://api.anthropic.com/", "https://api.anthropic.com/v1/messages"),
        ("anthropic", "https://h/v1", "https://h/v1/messages"),
        ("anthropic", "https://h/v1/messages", "https://h/v1/messages"),
        ("anthropic", "https://h/anthropic", "https://h/anthropic/v1/messages"),
        ("anthropic", "https://h/anthropic/v1/", "https://h/anthropic/v1/messages"),
        ("anthropic", "https://h/v11", "https://h/v11/v1/messages"),
        ("openai_chat", "https://h/v1", "https://h/v1/chat/completions"),
        ("openai_chat", "https://h/v1/chat/completions", "https://h/v1/chat/completions"),
        ("openai_chat", "https://h/v1/chat", "https://h/v1/chat/completions"),
        ("openai_chat", "https://h", "https://h/chat/completions"),
        ("openai_responses", "https://h/v1", "https://h/v1/responses"),
        ("openai_responses", "https://h/v1/responses", "https://h/v1/responses"),
        ("openai_responses", "https://h:8443/api?version=2", "https://h:8443/api/responses?version=2"),
        ("openai_responses", "https://h/v1#part", "https://h/v1/responses"),
        ("gemini", "https://h", "https://h/v1beta/models/m:generateContent"),
        ("gemini", "https://h/v1beta", "https://h/v1beta/models/m:generateContent"),
        ("gemini", "https://h/v1beta/models", "https://h/v1beta/models/m:generateContent"),
        ("openai_chat", "http://[::1]:8000/v1", "http://[::1]:8000/v1/chat/completions"),
    ],
)
def test_catalogue_path_goes_behind_the_base_and_nothing_is_doubled(protocol: str, base: str, expected: str) -> None:
    assert url_for(wire(protocol, base), Operation.GENERATE, model="m") == expected


@pytest.mark.parametrize(
    ("protocol", "base", "expected"),
    [
        ("openai_responses", "https://h/v1", "https://h/v1/responses"),
        ("openai_responses", "https://h/openai", "https://h/openai/v1/responses"),
        ("openai_responses", "https://h", "https://h/v1/responses"),
        ("openai_responses", "https://h/v11", "https://h/v11/v1/responses"),
        ("openai_chat", "https://h/openai/v1", "https://h/openai/v1/chat/completions"),
        ("anthropic", "https://h/anthropic", "https://h/anthropic/v1/messages"),
        ("anthropic", "https://h/v1", "https://h/v1/messages"),
        ("gemini", "https://h", "https://h/v1beta/models/m:generateContent"),
        ("gemini", "https://h/v1beta", "https://h/v1beta/models/m:generateContent"),
    ],
)
def test_overlap_puts_the_whole_versioned_path_behind_the_base(protocol: str, base: str, expected: str) -> None:
    assert url_for(wire(protocol, base), Operation.GENERATE, join=BaseJoin.OVERLAP, model="m") == expected


def test_operation_that_a_wire_lacks_has_no_url() -> None:
    assert url_for(wire("anthropic", "https://h"), Operation.EMBEDDINGS) is None


def test_verb_model_and_query_are_filled_in() -> None:
    gemini = wire("gemini", "https://h?project=p")

    assert url_for(gemini, Operation.COUNT_TOKENS, model="m") == "https://h/v1beta/models/m:countTokens?project=p"
    assert url_for(gemini, Operation.EMBEDDINGS, model="m") == "https://h/v1beta/models/m:embedContent?project=p"
    assert (
        url_for(gemini, Operation.GENERATE, model="models/m", verb="streamGenerateContent", query="alt=sse")
        == "https://h/v1beta/models/m:streamGenerateContent?project=p&alt=sse"
    )


def test_tail_of_the_clients_path_is_kept() -> None:
    chat = wire("openai_chat", "https://h/v1")

    assert url_for(chat, Operation.IMAGES, tail="generations") == "https://h/v1/images/generations"
    assert url_for(chat, Operation.AUDIO, tail="/audio files/x/") == "https://h/v1/audio/audio%20files/x"
    assert url_for(chat, Operation.IMAGES) == "https://h/v1/images"


@pytest.mark.parametrize("model", ["..", "a/../b", ".", "x/.", "models/.."])
def test_model_can_not_leave_its_place(model: str) -> None:
    with pytest.raises(ClientFault) as raised:
        url_for(wire("gemini", "https://h"), Operation.GENERATE, model=model)

    assert raised.value.failure.kind is ErrorKind.INVALID_REQUEST
    assert raised.value.failure.param == "model"


def test_tail_can_not_leave_its_place() -> None:
    with pytest.raises(ClientFault, match=r"segment '\.'"):
        url_for(wire("openai_chat", "https://h"), Operation.IMAGES, tail="../files")


@given(st.text(min_size=1, max_size=30))
def test_any_model_stays_one_path(model: str) -> None:
    try:
        url = url_for(wire("gemini", "https://h"), Operation.GENERATE, model=model)
    except ClientFault:
        return
    assert url is not None
    path = url.removeprefix("https://h/v1beta/models/")
    assert path.endswith(":generateContent")
    assert not set(path) & set("?# \t\r\n\\")
    assert path.isascii()


def test_models_url_follows_the_protocol_and_the_join() -> None:
    assert models_url(wire("openai_chat", "https://h/v1")) == "https://h/v1/models"
    assert models_url(wire("openai_chat", "https://h"), join=BaseJoin.OVERLAP) == "https://h/v1/models"
    assert models_url(wire("anthropic", "https://h")) == "https://h/v1/models"
    assert models_url(wire("gemini", "https://h/v1beta")) == "https://h/v1beta/models"
    assert models_url(wire("gemini", "https://h?x=1"), query="pageToken=2") == "https://h/v1beta/models?x=1&pageToken=2"


def test_join_of_nothing_to_double() -> None:
    assert join_base("https://h", "/a/b") == "https://h/a/b"
    assert join_base("https://h/a/b", "/b/c") == "https://h/a/b/c"
    assert join_base("https://h//a//", "/b") == "https://h/a/b"


def test_whole_endpoint_is_taken_for_its_base() -> None:
    assert trim_base(" https://h/v1/chat/completions ", wire("openai_chat", "")) == "https://h/v1"
    assert trim_base("https://h/v1/embeddings/", wire("openai_chat", "")) == "https://h/v1"
    assert trim_base("https://h/v1/messages/count_tokens", wire("anthropic", "")) == "https://h"
    assert trim_base("https://h/x?a=b", wire("openai_chat", "")) == "https://h/x?a=b"
    assert trim_base("https://h/x", Wire(protocol="p", base_url="", paths=MappingProxyType({}))) == "https://h/x"


@pytest.mark.parametrize(
    ("base", "word"),
    [
        ("ftp://h", "begins with"),
        ("h/v1", "begins with"),
        ("", "begins with"),
        ("http://", "host"),
        ("http://:80", "host"),
        ("http://h:0", "host"),
        ("http://h:99999", "not a URL"),
        ("http://[::1", "not a URL"),
        ("https://user:pass@h", "api-key"),
        ("https://user@h", "api-key"),
        ("https://h/a b", "blanks"),
        ("https://h/a\x7f", "blanks"),
    ],
)
def test_bad_base_is_told(base: str, word: str) -> None:
    problem = base_problem(base)

    assert problem is not None
    assert word in problem


@pytest.mark.parametrize(
    "base", ["http://h", "https://h:1/v1", " https://h ", "http://[::1]:8000/v1", "http://127.0.0.1:80"]
)
def test_good_base_has_no_problem(base: str) -> None:
    assert base_problem(base) is None


def test_origin_is_scheme_host_and_port() -> None:
    assert same_origin("https://H/a", "https://h:443/b")
    assert same_origin("http://h", "http://h:80")
    assert not same_origin("https://h", "http://h")
    assert not same_origin("https://h", "https://h:444")


def test_ancestor_is_the_same_address_with_segments_left_out() -> None:
    assert is_ancestor("https://api.openai.com", "https://api.openai.com/v1")
    assert is_ancestor("https://api.openai.com/v1/", "https://api.openai.com/v1")
    assert is_ancestor("https://api.fireworks.ai", "https://api.fireworks.ai/inference/v1")
    assert is_ancestor("https://h/a", "https://h/a/v1")
    assert not is_ancestor("https://h/v", "https://h/v1")
    assert not is_ancestor("https://h/v1", "https://h")
    assert not is_ancestor("https://other", "https://h/v1")


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("", ""),
        ("alt=sse", "alt=sse"),
        ("key=abc&alt=sse", "alt=sse"),
        ("alt=sse&auth_token=x", "alt=sse"),
        ("KEY=a&beta=true&&api_key=1", "beta=true"),
        ("%6bey=abc", ""),
        ("keys=2", "keys=2"),
    ],
)
def test_members_that_carry_a_key_are_not_forwarded(query: str, kept: str) -> None:
    assert forwarded_query(query) == kept


@pytest.mark.parametrize(
    ("base", "join", "expected"),
    [
        ("https://api.openai.com/v1", BaseJoin.VERBATIM, "https://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com", BaseJoin.OVERLAP, "https://api.openai.com/v1/realtime?model=m"),
        ("https://api.openai.com/v1", BaseJoin.OVERLAP, "https://api.openai.com/v1/realtime?model=m"),
        ("https://h/x?a=1", BaseJoin.VERBATIM, "https://h/x/realtime?a=1&model=m"),
    ],
)
def test_where_the_realtime_api_is(base: str, join: BaseJoin, expected: str) -> None:
    assert realtime_url(wire("openai_chat", base), join=join, query="model=m") == expected
