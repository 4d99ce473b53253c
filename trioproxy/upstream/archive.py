"""A folder that recordings are written to: their names, what may not reach the disk, and how a file is replaced.

What may not reach the disk is ``redact``'s business. What goes wrong with a file is one line in the log and no error: nobody's exchange
breaks because of its recording.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import attrs
import trio

from trioproxy.upstream.fixture import Fixture, write_fixture
from trioproxy.upstream.question import Question
from trioproxy.upstream.redact import Redactor, SecretRemains, secrets_of
from trioproxy.wire.jsoncodec import dumps

__all__ = ["Archive", "fixture_name", "write_whole"]

_log = logging.getLogger(__name__)

_WRITE_DEADLINE_S = 5.0
_LONGEST_SLUG = 80
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9.]+")


def fixture_name(fixture: Fixture) -> str:
    """``protocol/model-operation-hash``: the same request has the same name, today and tomorrow.

    The hash covers what is compared, so that a field which differs from run to run gives no new name. ``fixture`` is redacted already.
    """
    question = Question.of(fixture.request)
    digest = hashlib.sha256(dumps(question.whole()) + (b"+" if question.stream else b"-")).hexdigest()[:8]
    words = [question.model or "no-model", question.operation]
    slug = "-".join(_NOT_IN_A_NAME.sub("-", word.lower()).strip("-.") for word in words)[:_LONGEST_SLUG]
    return f"{fixture.protocol or 'other'}/{slug}-{digest}"


@attrs.define(eq=False)
class Archive:
    """Writes fixtures into ``folder``, which is made when it is first needed.

    ``secrets`` tells the keys that are known at the time, on top of those that come with a fixture; ``redactor`` holds the rules. An exchange
    that was recorded before under the same name is replaced; a second one of this session gets a number.
    """

    folder: Path
    secrets: Callable[[], Iterable[str]] = tuple
    redactor: Redactor = attrs.field(factory=Redactor)
    written: list[Path] = attrs.field(factory=list, init=False)
    _names: dict[str, int] = attrs.field(factory=dict, init=False)

    async def keep(self, fixture: Fixture | None, secrets: Iterable[str] = ()) -> Path | None:
        """Redact, check and write one fixture; where it went. None where it was not written: the log says why.

        Bounded, and shielded from a cancellation that may have ended the exchange.
        """
        if fixture is None:
            _log.warning("an answer was too long to be recorded")
            return None
        with trio.move_on_after(_WRITE_DEADLINE_S, shield=True) as scope:
            try:
                redactor = self.redactor.knowing([*secrets, *self.secrets()])
                name, data = await trio.to_thread.run_sync(_prepared, fixture, redactor, abandon_on_cancel=True)
                self._names[name] = number = self._names.get(name, 0) + 1
                path = self.folder / (f"{name}.json" if number == 1 else f"{name}-{number}.json")
                await trio.to_thread.run_sync(write_whole, path, data, abandon_on_cancel=True)
                self.written.append(path)
                _log.info("recorded %s", path)
                return path
            except SecretRemains as exc:
                _log.warning("a recording of %s was not written: %s", fixture.request.path, exc)
            except OSError as exc:
                _log.warning("a recording was not written to %s: %s", self.folder, exc.strerror or exc)
        if scope.cancelled_caught:
            _log.warning("a recording was not written to %s within %.0f s", self.folder, _WRITE_DEADLINE_S)
        return None


def _prepared(fixture: Fixture, redactor: Redactor) -> tuple[str, bytes]:
    redactor = redactor.knowing(secrets_of(fixture.request.headers, fixture.request.query))
    clean = redactor.redact(fixture)
    redactor.check(clean)
    data = write_fixture(clean)
    redactor.check_file(data)
    return fixture_name(clean), data


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file as a whole, readable by its owner alone.

    Raises:
        OSError: it can't be written; the old one is still there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
