from __future__ import annotations

from trioproxy.wire.machine import Chain


class Pairs:
    """Joins each two items; owes a lone last one."""

    def __init__(self) -> None:
        self._held: list[str] = []

    def feed(self, item: str) -> list[str]:
        self._held.append(item)
        if len(self._held) < 2:
            return []
        joined = "".join(self._held)
        self._held = []
        return [joined]

    def close(self) -> list[str]:
        held, self._held = self._held, []
        return held


class Doubled:
    def feed(self, item: str) -> list[str]:
        return [item, item]

    def close(self) -> list[str]:
        return ["end"]


def test_a_chain_feeds_each_machine_with_the_outputs_of_the_one_before() -> None:
    chain = Chain(Pairs(), Doubled(), Pairs())

    assert chain.feed("a") == []
    assert chain.feed("b") == ["abab"]
    assert chain.feed("c") == []
    assert chain.close() == ["cc", "end"]
