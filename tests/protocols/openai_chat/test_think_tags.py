from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trioproxy.neutral.events import PartKind
from trioproxy.protocols.openai_chat.think_tags import ThinkTags


def _split(pieces: list[str]) -> tuple[str, str]:
    tags = ThinkTags()
    found = [each for piece in pieces for each in tags.feed(piece)] + tags.close()
    assert all(text for _, text in found)
    thought = "".join(text for kind, text in found if kind is PartKind.REASONING)
    said = "".join(text for kind, text in found if kind is PartKind.TEXT)
    order = [kind for kind, _ in found]
    assert order == sorted(order, key=[PartKind.REASONING, PartKind.TEXT].index)
    return thought, said


@pytest.mark.parametrize(
    ("text", "thought", "said"),
    [
        ("<think>a b</think>c", "a b", "c"),
        ("\n <think>\na\n</think>\n\nb\n", "a\n", "b\n"),
        ("<think></think>\n\nb", "", "b"),
        ("<think>a < b </thin </think>c", "a < b </thin ", "c"),
        ("<think>never closed", "never closed", ""),
        ("<think>nearly </thi", "nearly </thi", ""),
        ("<thought>a</think></thought>\nb", "a</think>", "b"),
        ("<thou", "", "<thou"),
        ("no tags", "", "no tags"),
        ("  kept white space", "", "  kept white space"),
        ("text <think>too late</think>", "", "text <think>too late</think>"),
        ("<thi", "", "<thi"),
        ("", "", ""),
        ("<think>a</think>b</think>c", "a", "b</think>c"),
    ],
)
def test_tags_at_every_border(text: str, thought: str, said: str) -> None:
    for size in range(1, max(2, len(text) + 1)):
        assert _split([text[at : at + size] for at in range(0, len(text), size)]) == (thought, said)


@given(st.text(alphabet="<>/thinkoug ab\n", max_size=30), st.integers(1, 5))
def test_cuts_change_nothing(text: str, size: int) -> None:
    assert _split([text[at : at + size] for at in range(0, len(text), size)]) == _split([text])
