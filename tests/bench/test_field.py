"""Whoever gives no answers is named, and takes no part from then on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from trioproxy.bench.children import Child, ChildFailed, free_port
from trioproxy.bench.field import Field, Subject, SubjectFailed


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
