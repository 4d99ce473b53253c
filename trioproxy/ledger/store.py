"""The ledger on disk: one SQLite file, one row an exchange.

Knows: the schema and its history (:data:`MIGRATIONS`), how rows go in, how old ones leave. Refuses to know: who calls and when
(``writer.py``), and what is asked of the rows (``report.py``).

The file is in WAL mode with ``synchronous = NORMAL`` (https://sqlite.org/wal.html, https://sqlite.org/pragma.html#pragma_synchronous): what was
committed outlives a kill of the process, a loss of power may take the last transactions, and neither can corrupt the file. Several processes may
have it open; each waits :data:`BUSY_SECONDS` for the others.

Everything here blocks, and belongs in a thread.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

import attrs

from trioproxy.ledger.entry import Settled
from trioproxy.wire.jsoncodec import dumps

__all__ = ["COLUMNS", "FILE_NAME", "MIGRATIONS", "Store", "StoreUnusable", "row_of"]

_log = logging.getLogger("trioproxy.ledger")

FILE_NAME = "ledger.db"
BUSY_SECONDS = 1.5
# Rows are taken away in pieces of this size, so that no other process waits long for its turn.
PIECE = 5_000
_LONGEST_TEXT = 512
_MOST_PATHS = 50
_LARGEST = 2**63 - 1

MIGRATIONS: tuple[str, ...] = (
    """
    CREATE TABLE exchanges (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        began REAL NOT NULL,
        key TEXT, key_id TEXT,
        operation TEXT, protocol TEXT, upstream_protocol TEXT,
        model TEXT, upstream_model TEXT,
        provider TEXT, vendor TEXT, credential TEXT, credential_id TEXT,
        stream INTEGER NOT NULL, lane TEXT,
        status INTEGER, outcome TEXT NOT NULL, error TEXT,
        input_tokens INTEGER, output_tokens INTEGER, cached_tokens INTEGER, cache_write_tokens INTEGER, reasoning_tokens INTEGER,
        cost_usd REAL,
        first_byte_ms REAL, total_ms REAL NOT NULL,
        attempts INTEGER NOT NULL, losses INTEGER NOT NULL,
        bytes_in INTEGER NOT NULL, bytes_out INTEGER NOT NULL
    );
    CREATE INDEX exchanges_began ON exchanges (began);
    """,
    "ALTER TABLE exchanges ADD COLUMN lost TEXT",
)
"""The schema's history: ``user_version`` counts how many of these a file has seen. Times are Unix seconds, ``_ms`` milliseconds; tokens as in
:class:`~trioproxy.neutral.usage.Usage`; NULL is unknown; ``lost`` is a JSON list of paths. A change is a new entry at the end."""

COLUMNS = (
    "id", "began", "key", "key_id", "operation", "protocol", "upstream_protocol", "model", "upstream_model",
    "provider", "vendor", "credential", "credential_id", "stream", "lane", "status", "outcome", "error",
    "input_tokens", "output_tokens", "cached_tokens", "cache_write_tokens", "reasoning_tokens", "cost_usd",
    "first_byte_ms", "total_ms", "attempts", "losses", "bytes_in", "bytes_out", "lost",
)  # fmt: skip
_SIZES = (256, 32, 4, 1)
"""How many rows one statement writes, as far as this SQLite takes so many values. Between two statements the thread gives the interpreter away
and has to wait for its turn again, up to five milliseconds beside a busy loop: row by row a batch would take longer than the second it may, and
disturb the loop once a row."""
_INSERTS = {
    size: f"INSERT INTO exchanges ({', '.join(COLUMNS)}) VALUES "
    + ", ".join([f"({', '.join('?' * len(COLUMNS))})"] * size)
    for size in _SIZES
}

Row = tuple[Any, ...]

_BAD_ROW = (
    OverflowError,
    UnicodeError,
    sqlite3.IntegrityError,
    sqlite3.DataError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
)
_PASSING = frozenset({"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM"})
_DAMAGED = frozenset({"SQLITE_NOTADB", "SQLITE_CORRUPT"})


class StoreUnusable(Exception):
    """The file can't be used; the message says why and what to do."""


def row_of(settled: Settled, cost: float | None) -> Row:
    """The values of :data:`COLUMNS`. Text of a client is cut to 512 characters, counts to what SQLite holds."""
    usage, failure = settled.usage, settled.failure
    tokens = (usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning) if usage else (None,) * 5
    return (
        settled.id,
        settled.began,
        _text(settled.client),
        settled.client_id,
        settled.operation,
        settled.protocol,
        settled.upstream_protocol,
        _text(settled.model),
        _text(settled.upstream_model),
        settled.provider,
        settled.vendor,
        settled.credential,
        settled.credential_id,
        int(settled.stream),
        settled.lane,
        settled.status,
        settled.outcome.value,
        failure.kind.value if failure is not None else None,
        *(count if count is None or count <= _LARGEST else _LARGEST for count in tokens),
        cost,
        settled.first_byte * 1000 if settled.first_byte is not None else None,
        settled.total * 1000,
        len(settled.tries),
        settled.losses,
        settled.bytes_in,
        settled.bytes_out,
        _listed(settled.lost) if settled.lost else None,
    )


def _listed(paths: tuple[str, ...]) -> str:
    """Each path once, as many as a person would read."""
    kept = [path[:_LONGEST_TEXT] for path in list(dict.fromkeys(paths))[:_MOST_PATHS]]
    return dumps([_text(path) for path in kept]).decode()


def _text(value: str | None) -> str | None:
    """What a client sent may hold lone surrogates, which UTF-8 has no bytes for."""
    return None if value is None else value[:_LONGEST_TEXT].encode("utf-8", "backslashreplace").decode()


@attrs.define(eq=False)
class Store:
    """An open ledger. One thread at a time."""

    path: Path
    _db: sqlite3.Connection
    _inode: int = attrs.field(default=0, init=False)

    @classmethod
    def open(cls, folder: Path) -> Store:
        """The ledger in ``folder``, made (0700, 0600) or brought up to date where need be.

        Raises:
            StoreUnusable: it can't be written, is no ledger, or is that of a newer version.
            sqlite3.OperationalError: another process holds it, or the disk is full: later it may do.
        """
        path = folder / FILE_NAME
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StoreUnusable(why_unusable(path, error)) from error
        store = cls(path, db)
        try:
            store._prepare()
            store._inode = path.stat().st_ino
        except (OSError, sqlite3.Error) as error:
            store.close()
            if _passing(error):
                raise
            raise StoreUnusable(why_unusable(path, error)) from error
        except StoreUnusable:
            store.close()
            raise
        return store

    @property
    def moved(self) -> bool:
        """Whether the file is no longer where it was: what is written now would be lost with it."""
        try:
            return self.path.stat().st_ino != self._inode
        except OSError:
            return True

    def add(self, rows: Sequence[Row]) -> int:
        """Write rows in one transaction; how many were written. A row that can't be is left out, with a log line.

        Raises:
            sqlite3.Error: none was: the disk is full, another process holds the file for too long, the file is broken.
        """
        with self._transaction():
            try:
                self._insert(rows)
            except _BAD_ROW:
                self._db.execute("ROLLBACK")
                self._db.execute("BEGIN IMMEDIATE")
                return sum(self._added(row) for row in rows)
        return len(rows)

    def _insert(self, rows: Sequence[Row]) -> None:
        at = 0
        most = self._db.getlimit(sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER) // len(COLUMNS)
        for size in _SIZES:
            while size <= most and len(rows) - at >= size:
                self._db.execute(_INSERTS[size], tuple(chain.from_iterable(rows[at : at + size])))
                at += size

    def _added(self, row: Row) -> bool:
        try:
            self._db.execute(_INSERTS[1], row)
        except _BAD_ROW as error:
            _log.error("the account of exchange %s can't be written: %s", row[0], error)
            return False
        return True

    def prune(self, *, before: float, size: int) -> int:
        """Drop the rows that began before ``before`` (Unix seconds), then the oldest ones while the file is larger than ``size`` bytes; how
        many went.

        Raises:
            sqlite3.Error: as :meth:`add`.
        """
        gone = 0
        while count := self._drop("began < ?", before):
            gone += count
        while self._bytes() > size and (count := self._drop("1")):
            gone += count
        if gone:
            # One page a step; ``execute`` would take a single step only.
            self._db.executescript("PRAGMA incremental_vacuum")
        return gone

    def close(self) -> None:
        """Close the file. Nothing is pending: every row was committed when it was added."""
        with suppress(sqlite3.Error):
            self._db.close()

    def _prepare(self) -> None:
        # Only an empty file takes this one; it lets a pruned ledger give its room back without a copy of the whole.
        self._db.execute("PRAGMA auto_vacuum = INCREMENTAL")
        self._db.execute("PRAGMA journal_mode = WAL").fetchone()
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA journal_size_limit = 4194304").fetchone()
        version = self._version()
        if version > len(MIGRATIONS):
            raise StoreUnusable(
                f"{self.path} was written by a newer version of trioproxy (its schema is {version}, this one knows "
                f"{len(MIGRATIONS)}); update, or give another state-dir"
            )
        if version < len(MIGRATIONS):
            self._migrate()

    def _migrate(self) -> None:
        with self._transaction():
            # Another process may have been quicker.
            for number in range(self._version(), len(MIGRATIONS)):
                for statement in MIGRATIONS[number].split(";"):
                    self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {number + 1}")

    def _version(self) -> int:
        return int(self._db.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise

    def _drop(self, where: str, *values: float) -> int:
        oldest = f"SELECT number FROM exchanges WHERE {where} ORDER BY began LIMIT {PIECE}"
        with self._transaction():
            return self._db.execute(f"DELETE FROM exchanges WHERE number IN ({oldest})", values).rowcount

    def _bytes(self) -> int:
        return (self._pragma("page_count") - self._pragma("freelist_count")) * self._pragma("page_size")

    def _pragma(self, name: str) -> int:
        return int(self._db.execute(f"PRAGMA {name}").fetchone()[0])


def _passing(error: Exception) -> bool:
    """Whether it may be otherwise soon. Names of extended codes begin with that of their kind (https://sqlite.org/rescode.html)."""
    name = getattr(error, "sqlite_errorname", "")
    return any(name == kind or name.startswith(f"{kind}_") for kind in _PASSING)


def why_unusable(path: Path, error: OSError | sqlite3.Error) -> str:
    """Why the ledger at ``path`` can't be used, and what to do, for a person."""
    if isinstance(error, OSError):
        return f"the ledger {path} can't be written ({error.strerror or error}); let this user write there, or give another state-dir"
    if getattr(error, "sqlite_errorname", "") in _DAMAGED:
        return f"the ledger {path} can't be read ({error}); move it away, and the next start begins a new one"
    return f"the ledger {path} can't be used ({error})"
