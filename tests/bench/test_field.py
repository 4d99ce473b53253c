"""Whoever gives no answers is named, and takes no part from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from trioproxy.bench import field as rooms
from trioproxy.bench.children import Child, ChildFailed, free_port
from trioproxy.bench.field import Field, Subject, SubjectFailed
from trioproxy.bench.load import Seen
from trioproxy.wire.jsoncodec import dumps, loads_object


@pytest.fixture
def stranger() -> Iterator[Child]:
    """A server that knows no such requests."""
    port = free_port()
    with Child.start("-m", "http.server", "--bind", "127.0.0.1", str(port), port=port) as child:
        yield child


def a_field(child: Child) -> Field:
    def recruit() -> Subject:
        return Subject(child=child, name="squid")

    return Field(
        folder=Path(), subjects={}, cpus=(None, None), recruits={"squid": recruit, "other": recruit}, peers=("squid",)
    )


def test_who_answers_errors_while_it_is_warmed_takes_no_part(stranger: Child) -> None:
    field = a_field(stranger)
    with pytest.raises(SubjectFailed, match=r"squid: .*expected: b.HTTP/1\.\d 501 ") as caught:
        field.present("peers")
    assert caught.value.subject == "squid"
    assert field.subjects == {}
    assert field.present("peers") == []
    assert stranger.process.poll() is not None


def test_who_does_not_start_takes_no_part(stranger: Child) -> None:
    field = a_field(stranger)

    def broken() -> Subject:
        raise SubjectFailed("squid", ChildFailed("it did not start"))

    field.recruits["squid"] = broken
    with pytest.raises(SubjectFailed, match="squid: it did not start"):
        field.present("peers")
    assert field.present("peers") == []


def test_another_process_of_a_kind_fails_in_its_name(stranger: Child) -> None:
    field = a_field(stranger)
    with pytest.raises(SubjectFailed, match=r"^squid: .* not expected"), field.fresh("squid"):
        pass
    assert field.subjects == {}
    field.subjects["fresh"] = field.recruits["squid"]()
    with pytest.raises(SubjectFailed, match=r"^squid: "):
        field.lasting_load("fresh", model="bench-paced-4-1000", stream=True, connections=1, requests=1)


@pytest.mark.parametrize("warmth", [1, 30])
def test_who_compiles_what_it_runs_is_warmed_again_before_every_load(
    stranger: Child, monkeypatch: pytest.MonkeyPatch, warmth: int
) -> None:
    asked: list[tuple[str, int, dict[str, str]]] = []

    def note(*arguments: str, cpu: int | None) -> str:
        job = loads_object(arguments[-1].encode())
        asked.append((job["model"], job["requests"], job["headers"]))
        return dumps(attrs.asdict(Seen(count=1, size=1, seconds=1.0, p50=1.0))).decode()

    monkeypatch.setattr(rooms, "run_child", note)
    field, headers = a_field(stranger), {"x-where": "here"}
    field.recruits["squid"] = lambda: Subject(child=stranger, name="squid", headers=headers, warmth=warmth)
    assert field.present("squid") == ["squid"]
    start = [("bench-json", 60 * warmth, headers), ("bench-paced-20-1000", warmth, headers)]
    assert asked == start
    asked.clear()
    field.load("squid", model="bench-json", stream=False, connections=1, requests=7)
    field.load("squid", model="bench-paced-9-1", stream=True, connections=1, requests=8)
    measured = [("bench-json", 7, headers), ("bench-paced-9-1", 8, headers)]
    assert asked == (measured if warmth == 1 else [start[0], measured[0], start[1], measured[1]])
