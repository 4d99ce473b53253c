from __future__ import annotations

from trioproxy.protocols.openai_chat import quirks
from trioproxy.protocols.openai_chat.quirks import QUIRKS


def test_every_name_is_in_the_table_and_says_what_it_means() -> None:
    names = {value for name, value in vars(quirks).items() if name.isupper() and isinstance(value, str)}
    assert names == set(QUIRKS)
    assert all(QUIRKS.values())
