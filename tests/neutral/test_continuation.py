from __future__ import annotations

import pytest

from trioproxy.errors import ClientFault
from trioproxy.neutral.continuation import NOT_FOUND, refuse_continuation
from trioproxy.neutral.request import Conversation


def test_a_conversation_that_goes_on_from_nothing_is_whole() -> None:
    refuse_continuation(Conversation(model="m", turns=()))


def test_one_that_goes_on_from_what_nobody_keeps() -> None:
    with pytest.raises(ClientFault, match="resp_1") as caught:
        refuse_continuation(Conversation(model="m", turns=(), previous_response_id="resp_1" + "x" * 1000))
    assert (caught.value.failure.code, caught.value.failure.param) == (NOT_FOUND, "previous_response_id")
    assert len(caught.value.failure.message) < 200
