"""Keeps the org in one SQLite file: tables per object, one writer at a time, a reader per thread."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

from local_org.org.clock import Clock
from local_org.org.model import Field, Schema, SObject

_INTEGER = ("boolean", "int", "long", "datetime")
_REAL = ("double", "currency", "percent")
_BINARY = ("id", "reference", "date", "time", "base64")
_UNINDEXED = ("CreatedById", "LastModifiedById")
"""Audit references: rarely asked for, written on every save."""

_INTERNAL = """
CREATE TABLE IF NOT EXISTS "_meta" (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "_sequence" (object TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "_object_access" (
    parent TEXT NOT NULL, object TEXT NOT NULL, letters TEXT NOT NULL, PRIMARY KEY (parent, object)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS "_field_access" (
    parent TEXT NOT NULL, object TEXT NOT NULL, field TEXT NOT NULL, letters TEXT NOT NULL,
    PRIMARY KEY (parent, object, field)) WITHOUT ROWID;
"""


def quoted(name: str) -> str:
    """An identifier as SQL; names come from the schema, never from a request."""
    return '"' + name.replace('"', '""') + '"'


def columns(sobject: SObject) -> tuple[str, ...]:
    """Names of the stored fields in describe order."""
    return tuple(f.name for f in sobject.fields if f.stored)


def _column(f: Field) -> str:
    if f.type == "id":
        return f"{quoted(f.name)} TEXT PRIMARY KEY COLLATE BINARY NOT NULL"
    if f.type in _INTEGER:
        return f"{quoted(f.name)} INTEGER" + (" NOT NULL DEFAULT 0" if f.type == "boolean" else "")
    if f.type in _REAL:
        return f"{quoted(f.name)} REAL"
    collation = "BINARY" if f.type in _BINARY or f.case_sensitive else "NOCASE"
    return f"{quoted(f.name)} TEXT COLLATE {collation}"


def _indexed(f: Field, schema: Schema) -> bool:
    if f.name == "SystemModstamp" or f.external_id or f.unique or f.id_lookup or f.type in ("email", "phone"):
        return f.type != "id"
    if f.name == "ActivityDate":
        return True
    known = any(schema.get(target) for target in f.reference_to)
    return f.type == "reference" and known and f.name not in _UNINDEXED


def table_sql(sobject: SObject, schema: Schema) -> list[str]:
    """The statements that create an object's table and its indexes, where they are missing."""
    body = ", ".join(_column(f) for f in sobject.fields if f.stored)
    made = [f"CREATE TABLE IF NOT EXISTS {quoted(sobject.name)} ({body})"]
    made += [_index_sql(sobject, f) for f in sobject.fields if f.stored and _indexed(f, schema)]
    if sobject.field("IsDeleted"):
        made.append(
            f"CREATE INDEX IF NOT EXISTS {quoted('ix_' + sobject.name + '_deleted')} "
            f'ON {quoted(sobject.name)} ("SystemModstamp") WHERE "IsDeleted" = 1'
        )
    return made


def _index_sql(sobject: SObject, f: Field) -> str:
    name = quoted(f"ix_{sobject.name}_{f.name}")
    return f"CREATE INDEX IF NOT EXISTS {name} ON {quoted(sobject.name)} ({quoted(f.name)})"


class _Reader(sqlite3.Connection):
    """A connection that can be held in a weak set."""


@dataclass(slots=True)
class Transaction:
    """The write transaction in progress: its connection, and the stamp its rows get."""

    conn: sqlite3.Connection
    stamp: int
    ticket: int = 0
    """Its number; later transactions have higher ones, over restarts too."""
    began: int = 0
    """When it began to write; the stamp of a late commit is earlier."""
    places: int = 0
    depth: int = 0
    undo: list[Callable[[], None]] = field(default_factory=list)
    """What to put right in memory when it is rolled back, last first."""
    done: list[Callable[[], None]] = field(default_factory=list)
    """What to do once it is committed."""

    def next_place(self) -> int:
        """Number what it does."""
        self.places += 1
        return self.places


def _undo(tx: Transaction, down_to: int) -> None:
    while len(tx.undo) > down_to:
        tx.undo.pop()()


class Store:
    """The SQLite file, its one writer and its readers."""

    def __init__(self, path: str | Path, clock: Clock) -> None:
        """Open or create the file."""
        self.path = str(path)
        self._clock = clock
        self._lock = threading.RLock()
        self._local = threading.local()
        self._readers: weakref.WeakSet[_Reader] = weakref.WeakSet()
        self._open: dict[int, int] = {}
        self._open_lock = threading.Lock()
        self._tickets = time.time_ns() // 1_000_000
        self._tx: Transaction | None = None
        self._writer = self._connect(sqlite3.Connection)
        self._writer.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;" + _INTERNAL
        )
        # Savepoints keep the pages that they may have to bring back; in a file, that is a sixth of the time of a save.
        self._writer.execute("PRAGMA temp_store=MEMORY")
        # For triggers that note what a transaction has done, and when.
        self._writer.create_function("org_ticket", 0, lambda: self._tx.ticket if self._tx else 0)
        self._writer.create_function("org_place", 0, lambda: self._tx.next_place() if self._tx else 0)
        self._writer.create_function("org_now", 0, lambda: self._tx.began if self._tx else clock.now())

    def _connect(self, factory: type[sqlite3.Connection]) -> sqlite3.Connection:
        conn = sqlite3.connect(
            self.path, timeout=60, isolation_level=None, check_same_thread=False, cached_statements=512, factory=factory
        )
        conn.execute("PRAGMA cache_size=-32000")
        return conn

    def connection(self) -> sqlite3.Connection:
        """This thread's connection for reading; inside a write transaction the writer, which sees its own rows."""
        tx = self.transaction()
        if tx is not None:
            return tx.conn
        conn: _Reader | None = getattr(self._local, "reader", None)
        if conn is None:
            conn = self.new_connection()
            self._local.reader = conn
        return conn

    def new_connection(self) -> _Reader:
        """A reading connection of the caller's own (for a long stream); the caller closes it."""
        conn = cast(_Reader, self._connect(_Reader))
        conn.execute("PRAGMA query_only=ON")
        self._readers.add(conn)
        return conn

    def transaction(self) -> Transaction | None:
        """The write transaction that this thread is in, if any."""
        owner = self._tx is not None and getattr(self._local, "writing", False)
        return self._tx if owner else None

    @contextmanager
    def write(self, stamp: int | None = None) -> Iterator[sqlite3.Connection]:
        """The writer's connection in a transaction: committed at the end, rolled back on an exception.

        Inside a transaction of the same thread it is a savepoint of that one. ``stamp`` overrides the time that rows
        written in it carry.
        """
        tx = self.transaction()
        if tx is not None:
            with self._savepoint(tx):
                yield tx.conn
            return
        with self._lock:
            ticket, start = self.register(stamp)
            self._tx, self._local.writing = Transaction(self._writer, start, ticket, self._clock.now()), True
            tx = self._tx
            try:
                with self._committed(tx):
                    yield self._writer
            finally:
                self._tx, self._local.writing = None, False
                self.release(ticket)
            for call in tx.done:
                call()

    @contextmanager
    def _committed(self, tx: Transaction) -> Iterator[None]:
        tx.conn.execute("BEGIN IMMEDIATE")
        try:
            yield
            tx.conn.execute("COMMIT")
        except BaseException:
            tx.conn.execute("ROLLBACK")
            _undo(tx, 0)
            raise

    @contextmanager
    def _savepoint(self, tx: Transaction) -> Iterator[None]:
        tx.depth += 1
        name, before = f"s{tx.depth}", len(tx.undo)
        tx.conn.execute(f"SAVEPOINT {name}")
        try:
            yield
        except BaseException:
            tx.conn.execute(f"ROLLBACK TO {name}")
            _undo(tx, before)
            raise
        finally:
            tx.conn.execute(f"RELEASE {name}")
            tx.depth -= 1

    def register(self, stamp: int | None = None) -> tuple[int, int]:
        """Note that a transaction has begun; returns its ticket and its stamp."""
        with self._open_lock:
            start = self._clock.stamp() if stamp is None else stamp
            self._tickets += 1
            self._open[self._tickets] = start
            return self._tickets, start

    def release(self, ticket: int) -> None:
        """Note that a transaction has ended."""
        with self._open_lock:
            self._open.pop(ticket, None)

    def covered(self) -> int:
        """The latest second of which all commits are visible or yet to be stamped: start of the oldest transaction."""
        with self._open_lock:
            return min([self._clock.now(), self._clock.stamp(), *self._open.values()])

    def ensure_tables(self, schema: Schema) -> None:
        """Create missing tables, columns and indexes."""
        with self.write() as conn:
            for sobject in schema.objects:
                held = {row[1] for row in conn.execute(f"PRAGMA table_info({quoted(sobject.name)})")}
                for f in sobject.fields if held else ():
                    if f.stored and f.name not in held:
                        conn.execute(f"ALTER TABLE {quoted(sobject.name)} ADD COLUMN {_column(f)}")
                for statement in table_sql(sobject, schema):
                    conn.execute(statement)

    def close(self) -> None:
        """Close every connection; the write-ahead log is folded into the file."""
        for reader in list(self._readers):
            reader.close()
        with self._lock:
            self._writer.close()
