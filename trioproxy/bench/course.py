"""The course of a benchmark: every case, round after round, and what happens when somebody gives no answers.

Knows: that a peer which fails in a case has no figure there, and that everybody else has. Refuses to know: what a case does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from trioproxy.bench.field import Field, SubjectFailed
from trioproxy.bench.figures import LeftOut, Sample

__all__ = ["Case", "run_course"]

Case = Callable[[Field, int], Iterator[Sample]]


def run_course(
    field: Field, cases: Mapping[str, Case], rounds: int, say: Callable[[str], None]
) -> tuple[list[Sample], list[LeftOut]]:
    """All samples of so many rounds of ``cases``, and which peers were left out of which. ``say`` is told what happens.

    A peer that fails is left out of that case from then on, and what was measured of it there before is dropped; the round is run again
    without it.

    Raises:
        SubjectFailed: somebody who is no peer failed.
    """
    peers = tuple(field.peers)
    found: dict[str, list[Sample]] = {name: [] for name in cases}
    left: list[LeftOut] = []
    for number in range(1, rounds + 1):
        for name, case in cases.items():
            while True:
                out = [each.peer for each in left if each.case == name]
                field.peers = [peer for peer in peers if peer not in out]
                say(f"round {number} of {rounds}: {name}")
                try:
                    samples = list(case(field, number))
                except SubjectFailed as error:
                    if error.subject not in field.peers:
                        raise
                    left.append(LeftOut(peer=error.subject, case=name, round=number, why=str(error)))
                    found[name] = _without(found[name], error.subject)
                    say(left[-1].told)
                else:
                    found[name] += samples
                    break
    field.peers = peers
    return [sample for samples in found.values() for sample in samples], left


def _without(samples: Sequence[Sample], peer: str) -> list[Sample]:
    return [sample for sample in samples if sample.subject != peer]
