"""Remembers the jobs and batches of Bulk API 1.0 and runs the batches in a background thread, across restarts."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from local_org.org.ids import make_id

_LOG = logging.getLogger("local_org")
_FIRST_JOB = 62**5
"""Jobs of both Bulk APIs share the prefix 750; these begin where the newer ones will never arrive."""

JobState = Literal["Open", "Closed", "Aborted", "Failed"]
BatchState = Literal["Queued", "InProgress", "Completed", "Failed", "NotProcessed"]
FINISHED = ("Completed", "Failed", "NotProcessed")
UNEXPECTED = "InternalServerError : Unexpected exception"


class AsyncFault(Exception):
    """An error as Bulk API 1.0 spells it."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


@dataclass(frozen=True, slots=True)
class Job:
    """One job; times are seconds of the server's clock."""

    id: str
    user_id: str
    object: str
    operation: str
    ext_field: str
    content_type: str
    """``CSV``, ``JSON`` or ``XML``."""
    concurrency: str
    state: JobState
    created: int
    modified: int
    api_version: str
    rule_id: str = ""
    chunk_size: int = 0
    """Rows per batch that PK chunking asks for; 0 without it."""

    @property
    def is_query(self) -> bool:
        """Whether the job reads rather than saves."""
        return self.operation in ("query", "queryAll")


@dataclass(frozen=True, slots=True)
class Batch:
    """One batch of a job."""

    id: str
    job_id: str
    state: BatchState
    created: int
    modified: int
    is_chunk: int = 0
    """1 for a part of a query that PK chunking has split."""
    error: str = ""
    processed: int = 0
    failed: int = 0
    took_ms: int = 0


_JOB = tuple(f.name for f in fields(Job))
_BATCH = tuple(f.name for f in fields(Batch))


class BatchJobs:
    """All jobs of Bulk API 1.0 with their batches, and the thread that runs them in order."""

    def __init__(self, file: Path, directory: Path) -> None:
        self.directory = directory
        self._conn = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.execute(f"CREATE TABLE IF NOT EXISTS bulk1_job ({', '.join(_JOB)}, PRIMARY KEY (id))")
        self._conn.execute(f"CREATE TABLE IF NOT EXISTS bulk1_batch ({', '.join(_BATCH)}, PRIMARY KEY (id))")
        self._lock = threading.Lock()
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, run: Callable[[Job, Batch], None]) -> None:
        """Run waiting batches from now on, beginning with those that a stop interrupted."""
        for batch in self._batches("state IN ('Queued', 'InProgress')"):
            self._waiting.put(batch.id)
        self._thread = threading.Thread(target=self._loop, args=(run,), name="bulk1-batches", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the piece in hand and stop."""
        self._stopping.set()
        self._waiting.put(None)
        if self._thread is not None:
            self._thread.join(timeout=10)
        with self._lock:
            self._conn.close()

    @property
    def stopping(self) -> bool:
        """Whether the server is stopping."""
        return self._stopping.is_set()

    def pause(self, seconds: float) -> None:
        """Wait, unless the server stops."""
        self._stopping.wait(seconds)

    def add(self, job: Job) -> Job:
        """Keep a new job under the next Id."""
        with self._lock:
            job = replace(job, id=make_id("750", _FIRST_JOB + self._next("bulk1_job")))
            self._conn.execute(f"INSERT INTO bulk1_job VALUES ({_marks(_JOB)})", _values(job, _JOB))
        return job

    def add_batch(self, batch: Batch, content: bytes) -> Batch:
        """Keep a new batch with what was sent; it runs once it is submitted."""
        with self._lock:
            batch = replace(batch, id=make_id("751", self._next("bulk1_batch")))
            # The content is there before the row is: a batch that is known can always be run.
            self.request_file(batch).write_bytes(content)
            self._conn.execute(f"INSERT INTO bulk1_batch VALUES ({_marks(_BATCH)})", _values(batch, _BATCH))
        return batch

    def submit(self, batch: Batch) -> None:
        """Let a batch run when its turn comes."""
        self._waiting.put(batch.id)

    def split(self, batch: Batch, contents: list[bytes]) -> list[Batch]:
        """Put batches in the place of one, all at once or not at all."""
        with self._lock:
            first = self._next("bulk1_batch")
            made = [
                Batch(make_id("751", first + n), batch.job_id, "Queued", batch.modified, batch.modified, is_chunk=1)
                for n in range(len(contents))
            ]
            for part, content in zip(made, contents, strict=True):
                self.request_file(part).write_bytes(content)
            self._conn.execute("BEGIN IMMEDIATE")
            self._conn.executemany(
                f"INSERT INTO bulk1_batch VALUES ({_marks(_BATCH)})", [_values(part, _BATCH) for part in made]
            )
            self._update("bulk1_batch", _BATCH, _values(replace(batch, state="NotProcessed"), _BATCH))
            self._conn.execute("COMMIT")
        for part in made:
            self.submit(part)
        return made

    def claim(self, batch: Batch, now: int) -> bool:
        """Begin a batch; ``False`` when it is not waiting any more."""
        sql = "UPDATE bulk1_batch SET state='InProgress', modified=? WHERE id=? AND state IN ('Queued', 'InProgress')"
        with self._lock:
            return self._conn.execute(sql, (now, batch.id)).rowcount == 1

    def drop_waiting(self, job: Job, now: int) -> None:
        """Batches of an aborted job that have not begun never will."""
        sql = "UPDATE bulk1_batch SET state='NotProcessed', modified=? WHERE job_id=? AND state='Queued'"
        with self._lock:
            self._conn.execute(sql, (now, job.id))

    def save(self, job: Job) -> None:
        """Write a changed job down."""
        with self._lock:
            self._update("bulk1_job", _JOB, _values(job, _JOB))

    def save_batch(self, batch: Batch) -> None:
        """Write a changed batch down."""
        with self._lock:
            self._update("bulk1_batch", _BATCH, _values(batch, _BATCH))

    def get(self, job_id: str) -> Job:
        """The job of that Id.

        Raises:
            AsyncFault: InvalidJob when there is none.
        """
        with self._lock:
            row = self._conn.execute("SELECT * FROM bulk1_job WHERE substr(id, 1, 15)=?", (job_id[:15],)).fetchone()
        if row is None or len(job_id) not in (15, 18):
            raise AsyncFault("InvalidJob", f"Unable to find job: {job_id}")
        return Job(*row)

    def get_batch(self, job: Job, batch_id: str) -> Batch:
        """The batch of that Id within a job.

        Raises:
            AsyncFault: InvalidBatch when there is none.
        """
        found = self._batches("job_id=? AND substr(id, 1, 15)=?", job.id, batch_id[:15])
        if not found or len(batch_id) not in (15, 18):
            raise AsyncFault("InvalidBatch", f"Unable to find batch: {batch_id}")
        return found[0]

    def batches(self, job: Job) -> list[Batch]:
        """The batches of a job, oldest first."""
        return self._batches("job_id=?", job.id)

    def batches_since(self, moment: int) -> int:
        """How many batches were made since then."""
        with self._lock:
            return int(self._conn.execute("SELECT count(*) FROM bulk1_batch WHERE created>=?", (moment,)).fetchone()[0])

    def request_file(self, batch: Batch) -> Path:
        """Where the content of a batch lies."""
        return self.directory / f"{batch.id}.request"

    def result_file(self, batch: Batch) -> Path:
        """Where the result of a query batch lies."""
        return self.directory / f"{batch.id}.result"

    def _loop(self, run: Callable[[Job, Batch], None]) -> None:
        while not self.stopping:
            batch_id = self._waiting.get()
            if batch_id is None:
                return
            found = self._batches("id=? AND state IN ('Queued', 'InProgress')", batch_id)
            if not found:
                continue
            try:
                run(self.get(found[0].job_id), found[0])
            except Exception:
                _LOG.exception("Bulk batch %s", batch_id)
                self.save_batch(replace(found[0], state="Failed", error=UNEXPECTED))

    def _batches(self, where: str, *values: str) -> list[Batch]:
        with self._lock:
            rows = self._conn.execute(f"SELECT * FROM bulk1_batch WHERE {where} ORDER BY rowid", values).fetchall()
        return [Batch(*row) for row in rows]

    def _next(self, table: str) -> int:
        return int(self._conn.execute(f"SELECT coalesce(max(rowid), 0) + 1 FROM {table}").fetchone()[0])

    def _update(self, table: str, names: tuple[str, ...], values: list[Any]) -> None:
        sets = ", ".join(f"{name}=?" for name in names)
        self._conn.execute(f"UPDATE {table} SET {sets} WHERE id=?", (*values, values[0]))


def _marks(names: tuple[str, ...]) -> str:
    return ", ".join("?" * len(names))


def _values(thing: Job | Batch, names: tuple[str, ...]) -> list[Any]:
    return [getattr(thing, name) for name in names]
