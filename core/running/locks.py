"""Sees to it that one worker runs on SQLite, and that each worker on PostgreSQL has a place of its own."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO, Any

from sqlalchemy import text

from core.errors import WorkerRunning
from core.private import private
from core.store.database import Database

PLACES = 64
_NAMESPACE = 7_319_211


class Place:
    """A worker's place, held until it is released or the process ends."""

    def __init__(self, executor_id: str, handle: IO[str] | None = None, conn: Any = None) -> None:
        self.executor_id = executor_id
        self._handle = handle
        self._conn = conn

    def release(self) -> None:
        """Give the place back."""
        if self._handle is not None:
            self._handle.close()
        if self._conn is not None:
            self._conn.close()


def take_place(db: Database, home: Path) -> Place:
    """Take a free place.

    Raises:
        WorkerRunning: on SQLite there is a worker already.
    """
    if db.is_sqlite:
        handle = private(home / "worker.lock").open("a+")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            handle.close()
            raise WorkerRunning(
                "Another worker is already running on this database.",
                hint="SQLite allows one; use PostgreSQL (SYNCLINE_DATABASE_URL) for more.",
            ) from error
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        return Place("worker-0", handle=handle)
    conn = db.engine.connect()
    for number in range(PLACES):
        if conn.execute(text("SELECT pg_try_advisory_lock(:s, :n)"), {"s": _NAMESPACE, "n": number}).scalar():
            conn.commit()
            return Place(f"worker-{number}", conn=conn)
    conn.close()
    raise WorkerRunning(f"All {PLACES} places for workers are taken.")


def dead_places(db: Database, own: str) -> list[str]:
    """On PostgreSQL: executor ids whose worker is gone, among those of lower places than the highest in use."""
    if db.is_sqlite:
        return []
    dead = []
    with db.engine.connect() as conn:
        for number in range(PLACES):
            name = f"worker-{number}"
            if name == own:
                continue
            if not conn.execute(text("SELECT pg_try_advisory_lock(:s, :n)"), {"s": _NAMESPACE, "n": number}).scalar():
                continue
            conn.execute(text("SELECT pg_advisory_unlock(:s, :n)"), {"s": _NAMESPACE, "n": number})
            dead.append(name)
    return dead


def is_worker_running(db: Database, home: Path) -> bool:
    """Whether somebody holds the worker's place."""
    try:
        place = take_place(db, home)
    except WorkerRunning:
        return True
    running = not db.is_sqlite and place.executor_id != "worker-0"
    place.release()
    return running
