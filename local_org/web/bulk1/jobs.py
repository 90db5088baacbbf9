"""Remembers the jobs and batches of Bulk API 1.0 and runs the batches one after another, across restarts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from local_org.org.ids import make_id
from local_org.web.worklines import Book, Line, Table

_LOG = logging.getLogger("local_org")
_FIRST_JOB = 62**5
"""Jobs of both Bulk APIs share the prefix 750; these begin where the newer ones will never arrive."""

JobState = Literal["Open", "Closed", "Aborted", "Failed"]
BatchState = Literal["Queued", "InProgress", "Completed", "Failed", "NotProcessed"]
FINISHED = ("Completed", "Failed", "NotProcessed")
_WAITING = "state IN ('Queued', 'InProgress')"
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


class BatchJobs:
    """All jobs of Bulk API 1.0 with their batches, and the line in which the batches run."""

    def __init__(self, file: Path, directory: Path) -> None:
        self.directory = directory
        self.line = Line("bulk1-batches")
        self._book = Book(file)
        self._jobs = Table(self._book, "bulk1_job", Job)
        self._batches = Table(self._book, "bulk1_batch", Batch)

    def start(self, run: Callable[[Job, Batch], None]) -> None:
        """Run waiting batches from now on, beginning with those that a stop interrupted."""
        waiting = [batch.id for batch in self._batches.find(_WAITING)]
        self.line.start(lambda batch_id: self._run(run, batch_id), waiting)

    def stop(self) -> None:
        """Finish the piece in hand and stop."""
        self.line.stop()
        self._book.close()

    def add(self, job: Job) -> Job:
        """Keep a new job under the next Id."""
        with self._book.turn():
            return self._jobs.add(replace(job, id=make_id("750", _FIRST_JOB + self._jobs.next_number())))

    def add_batch(self, batch: Batch, content: bytes) -> Batch:
        """Keep a new batch with what was sent; it runs once it is submitted."""
        with self._book.turn():
            batch = replace(batch, id=make_id("751", self._batches.next_number()))
            # The content is there before the row is: a batch that is known can always be run.
            self.request_file(batch).write_bytes(content)
            return self._batches.add(batch)

    def submit(self, batch: Batch) -> None:
        """Let a batch run when its turn comes."""
        self.line.submit(batch.id)

    def split(self, batch: Batch, contents: list[bytes]) -> list[Batch]:
        """Put batches in the place of one, all at once or not at all."""
        with self._book.whole():
            first = self._batches.next_number()
            made = [
                Batch(make_id("751", first + n), batch.job_id, "Queued", batch.modified, batch.modified, is_chunk=1)
                for n in range(len(contents))
            ]
            for part, content in zip(made, contents, strict=True):
                self.request_file(part).write_bytes(content)
                self._batches.add(part)
            self._batches.save(replace(batch, state="NotProcessed"))
        for part in made:
            self.submit(part)
        return made

    def claim(self, batch: Batch, now: int) -> bool:
        """Begin a batch; ``False`` when it is not waiting any more."""
        sql = f"UPDATE bulk1_batch SET state='InProgress', modified=? WHERE id=? AND {_WAITING}"
        with self._book.turn() as conn:
            return conn.execute(sql, (now, batch.id)).rowcount == 1

    def drop_waiting(self, job: Job, now: int) -> None:
        """Batches of an aborted job that have not begun never will."""
        sql = "UPDATE bulk1_batch SET state='NotProcessed', modified=? WHERE job_id=? AND state='Queued'"
        with self._book.turn() as conn:
            conn.execute(sql, (now, job.id))

    def save(self, job: Job) -> None:
        """Write a changed job down."""
        self._jobs.save(job)

    def save_batch(self, batch: Batch) -> None:
        """Write a changed batch down."""
        self._batches.save(batch)

    def get(self, job_id: str) -> Job:
        """The job of that Id.

        Raises:
            AsyncFault: InvalidJob when there is none.
        """
        found = self._jobs.by_id(job_id)
        if found is None:
            raise AsyncFault("InvalidJob", f"Unable to find job: {job_id}")
        return found

    def get_batch(self, job: Job, batch_id: str) -> Batch:
        """The batch of that Id within a job.

        Raises:
            AsyncFault: InvalidBatch when there is none.
        """
        found = self._batches.by_id(batch_id, "job_id=?", job.id)
        if found is None:
            raise AsyncFault("InvalidBatch", f"Unable to find batch: {batch_id}")
        return found

    def batches(self, job: Job) -> list[Batch]:
        """The batches of a job, oldest first."""
        return self._batches.find("job_id=?", job.id)

    def batches_since(self, moment: int) -> int:
        """How many batches were made since then."""
        return len(self._batches.find("created>=?", moment))

    def request_file(self, batch: Batch) -> Path:
        """Where the content of a batch lies."""
        return self.directory / f"{batch.id}.request"

    def result_file(self, batch: Batch) -> Path:
        """Where the result of a query batch lies."""
        return self.directory / f"{batch.id}.result"

    def _run(self, run: Callable[[Job, Batch], None], batch_id: str) -> None:
        batch = self._batches.by_id(batch_id, _WAITING)
        if batch is None:
            return
        try:
            run(self.get(batch.job_id), batch)
        except Exception:
            _LOG.exception("Bulk batch %s", batch_id)
            self.save_batch(replace(batch, state="Failed", error=UNEXPECTED))
