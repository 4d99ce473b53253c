"""The clients of the replay case: what they see of a replay, and of something else."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from tests.testing.making import save
from trioproxy.bench.replayed import Job, paced_recording, watch
from trioproxy.testing import replaying


def port(url: str) -> int:
    return int(url.rpartition(":")[2])


def test_a_recording_says_when_its_events_come() -> None:
    recording = paced_recording(3)
    assert recording.body.count(b'"at ') == 3
    assert recording.body.endswith(b"data: [DONE]\n\n")
    first = recording.chunks[0]
    assert b'"at %06d"' % round(first.at * 1000) in first.data
    assert recording == paced_recording(3)


def test_clients_read_together_and_measure_every_event(tmp_path: Path) -> None:
    save(tmp_path, paced=paced_recording(4))
    with replaying(tmp_path, speed=1, once=False) as llm:
        seen = watch(Job(port=port(llm.base_url), clients=3, apart=0.001))
    assert seen.count == 12
    assert seen.together == 3
    assert seen.p50 <= seen.p95 <= seen.p99
    assert seen.longest > 0


def test_an_answer_that_is_another_is_told(tmp_path: Path) -> None:
    save(tmp_path, paced=attrs.evolve(paced_recording(2), chunks=()))
    with replaying(tmp_path, once=False) as llm, pytest.raises(RuntimeError, match="an answer that was not expected"):
        watch(Job(port=port(llm.base_url), clients=1))
