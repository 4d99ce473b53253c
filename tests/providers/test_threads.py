from __future__ import annotations

import json
from typing import Any

import pytest

from trioproxy.errors import ClientFault
from trioproxy.providers.quirk import QuirkContext
from trioproxy.providers.quirks import edited


def edit(body: Any) -> Any:
    return edited(("no-threads",), json.dumps(body).encode(), body, QuirkContext(protocol="anthropic"))


def test_a_thread_that_begins_is_left_out() -> None:
    done = edit({"model": "m", "thread": {"type": "create"}})
    assert done is not None
    assert done.body == {"model": "m"}
    assert [loss.path for loss in done.losses] == ["thread"]


def test_a_thread_that_goes_on_is_refused() -> None:
    with pytest.raises(ClientFault) as caught:
        edit({"model": "m", "thread": {"type": "continue", "previous_message_id": "msg_1"}})
    assert caught.value.failure.param == "thread"


def test_a_body_without_a_thread_stays() -> None:
    assert edit({"model": "m", "messages": [{"role": "user", "content": '"thread"'}]}) is None
