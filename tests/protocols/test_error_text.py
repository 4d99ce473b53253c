from __future__ import annotations

from typing import Any

import pytest

from trioproxy.errors import ErrorKind
from trioproxy.neutral.events import Failed
from trioproxy.protocols.error_text import error_text
from trioproxy.protocols.table import NAMES, protocol
from trioproxy.wire.frames import Frame
from trioproxy.wire.jsoncodec import dumps


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"error": {"message": "a"}, "message": "b"}, "a"),
        ({"error": "a"}, "a"),
        ({"error": "invalid_token", "error_description": "a"}, "a"),
        ({"error": {"message": " "}, "detail": "a"}, "a"),
        ({"error": {"message": 7}, "message": "a"}, "a"),
        ({"detail": [{"msg": "a"}, {"message": "b"}, {"msg": 7}, "c"]}, "a; b"),
        ({"message": {"detail": [{"msg": "a"}]}}, "a"),
        ({"base_resp": {"status_msg": "a"}}, "a"),
        (" a ", "a"),
        (" ", None),
        ({"detail": []}, None),
        ({"detail": [7]}, None),
        ({"message": {}}, None),
        ({"error": None, "base_resp": None}, None),
        ({}, None),
        (None, None),
        ([{"error": {"message": "a"}}], None),
    ],
)
def test_the_words_are_found_wherever_servers_put_them(document: Any, said: str | None) -> None:
    assert error_text(document) == said


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("document", [{}, {"detail": "try again"}, {"id": "x", "data": None}])
def test_a_body_that_holds_no_answer_is_none_and_is_told_in_its_own_words(name: str, document: Any) -> None:
    (failed,) = protocol(name).read_body(document)
    assert isinstance(failed, Failed)
    assert failed.failure.http_status == 502
    told = failed.failure.message
    assert told == document.get("detail", told)
    assert told


@pytest.mark.parametrize("name", ["openai_chat", "openai_responses", "anthropic"])
def test_an_error_in_mere_words_is_told_in_them(name: str) -> None:
    (failed,) = protocol(name).stream_reader().feed(Frame(b"the model has crashed", "error"))
    assert isinstance(failed, Failed)
    assert failed.failure.message == "the model has crashed"
    (other,) = protocol(name).stream_reader().feed(Frame(b"the model has crashed"))
    assert isinstance(other, Failed)
    assert "JSON" in other.failure.message


@pytest.mark.parametrize(
    ("code", "kind"), [(429, ErrorKind.RATE_LIMITED), ("503", ErrorKind.OVERLOADED), (7, ErrorKind.INTERNAL)]
)
def test_a_gateway_names_a_status_in_an_event_of_messages(code: Any, kind: ErrorKind) -> None:
    document = dumps({"type": "error", "error": {"message": "no", "code": code}})
    (failed,) = protocol("anthropic").stream_reader().feed(Frame(document, "error"))
    assert isinstance(failed, Failed)
    assert failed.failure.kind is kind
