"""Keeps pieces of work in tables and runs them one after another in a background thread, across restarts."""

from __future__ import annotations

import queue
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from local_org.web.faults import Faults

Piece = TypeVar("Piece")


class Book:
    """One connection to the service's file, used by one thread at a time."""

    def __init__(self, file: Path) -> None:
        self._conn = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._lock = threading.RLock()

    @contextmanager
    def turn(self) -> Iterator[sqlite3.Connection]:
        """The connection, for as long as the block lasts."""
        with self._lock:
            yield self._conn

    @contextmanager
    def whole(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction: all of the block's writes, or none."""
        with self.turn() as conn:
            conn.execute("BEGIN IMMEDIATE")
            try:
                yield conn
            except BaseException:
                conn.execute("ROLLBACK")
                raise
            conn.execute("COMMIT")

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._conn.close()


class Table(Generic[Piece]):
    """Pieces of work of one kind: a dataclass whose first field is its ``id``, one column per field."""

    def __init__(self, book: Book, name: str, kind: Callable[..., Piece]) -> None:
        self._book, self._name, self._kind = book, name, kind
        self._columns = tuple(f.name for f in fields(kind))  # type: ignore[arg-type]
        with book.turn() as conn:
            conn.execute(f"CREATE TABLE IF NOT EXISTS {name} ({', '.join(self._columns)}, PRIMARY KEY (id))")

    def add(self, piece: Piece) -> Piece:
        """Keep a new piece."""
        marks = ", ".join("?" * len(self._columns))
        with self._book.turn() as conn:
            conn.execute(f"INSERT INTO {self._name} VALUES ({marks})", self._values(piece))
        return piece

    def save(self, piece: Piece) -> None:
        """Write a changed piece down."""
        sets = ", ".join(f"{name}=?" for name in self._columns)
        values = self._values(piece)
        with self._book.turn() as conn:
            conn.execute(f"UPDATE {self._name} SET {sets} WHERE id=?", (*values, values[0]))

    def delete(self, piece_id: str) -> None:
        """Forget a piece."""
        with self._book.turn() as conn:
            conn.execute(f"DELETE FROM {self._name} WHERE id=?", (piece_id,))

    def find(self, where: str = "1", *values: Any) -> list[Piece]:
        """The pieces that meet a condition, oldest first."""
        sql = f"SELECT * FROM {self._name} WHERE {where} ORDER BY rowid"
        with self._book.turn() as conn:
            return [self._kind(*row) for row in conn.execute(sql, values).fetchall()]

    def by_id(self, given: str, where: str = "1", *values: Any) -> Piece | None:
        """The piece of that Id, in 15 or 18 characters."""
        found = self.find(f"substr(id, 1, 15)=? AND {where}", given[:15], *values)
        return found[0] if found and len(given) in (15, 18) else None

    def next_number(self) -> int:
        """A number that no piece had before, from 1; call within `Book.turn`."""
        with self._book.turn() as conn:
            sql = f"SELECT max(count(*), coalesce(max(rowid), 0)) + 1 FROM {self._name}"
            return int(conn.execute(sql).fetchone()[0])

    def _values(self, piece: Piece) -> list[Any]:
        return [getattr(piece, name) for name in self._columns]


class Line:
    """Runs what is submitted, one piece after another."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, run: Callable[[str], None], waiting: Iterable[str]) -> None:
        """Run from now on, beginning with the Ids of what a stop has interrupted."""
        for piece_id in waiting:
            self._waiting.put(piece_id)
        self._thread = threading.Thread(target=self._loop, args=(run,), name=self._name, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish what is in hand and stop."""
        self._stopping.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10)

    @property
    def stopping(self) -> bool:
        """Whether the server is stopping."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, unless the server stops."""
        self._stopping.wait(seconds)

    def submit(self, piece_id: str) -> None:
        """Let a piece run when its turn comes."""
        self._waiting.put(piece_id)

    def unstuck(self, faults: Faults, dropped: Callable[[], bool]) -> bool:
        """Hold the piece in hand back while the fault `job_stuck` is on; whether it may go on."""
        while faults.peek("job_stuck") is not None and not self.stopping and not dropped():
            self.pause(0.1)
        return not self.stopping and not dropped()

    def _loop(self, run: Callable[[str], None]) -> None:
        while not self.stopping:
            piece_id = self._waiting.get()
            if piece_id is None:
                return
            run(piece_id)
