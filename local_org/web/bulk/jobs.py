"""Remembers Bulk jobs and runs them one after another in a background thread, across restarts."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_org.org.ids import make_id
from local_org.org.model import OrgFault
from local_org.web.faults import Faults

_LOG = logging.getLogger("local_org")

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}


@dataclass(slots=True)
class Job:
    """One Bulk job; times are seconds of the server's clock."""

    id: str
    kind: str
    """``ingest`` or ``query``."""
    user_id: str
    object: str
    operation: str
    ext_field: str
    state: str
    created: int
    modified: int
    delimiter: str
    line_ending: str
    api_version: str
    query: str = ""
    error: str = ""
    processed: int = 0
    failed: int = 0
    took_ms: int = 0
    uploaded: int = 0

    def shown(self, *, full: bool = True) -> dict[str, Any]:
        """The job as REST answers it; `full` adds what only a finished creation has."""
        body: dict[str, Any] = {
            "id": self.id,
            "operation": self.operation,
            "object": self.object,
            "createdById": self.user_id,
            "createdDate": _stamp(self.created),
            "systemModstamp": _stamp(self.modified),
            "state": self.state,
            "concurrencyMode": "Parallel",
            "contentType": "CSV",
            "apiVersion": float(self.api_version),
            "lineEnding": self.line_ending,
            "columnDelimiter": self.delimiter,
        }
        if self.kind == "ingest":
            body["contentUrl"] = f"services/data/v{self.api_version}/jobs/ingest/{self.id}/batches"
            body |= {"externalIdFieldName": self.ext_field} if self.ext_field else {}
        if full:
            body |= self._progress()
        return body

    def _progress(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "jobType": "V2Ingest" if self.kind == "ingest" else "V2Query",
            "numberRecordsProcessed": self.processed,
            "retries": 0,
            "totalProcessingTime": self.took_ms,
        }
        if self.kind == "ingest":
            times = {"apiActiveProcessingTime": self.took_ms, "apexProcessingTime": 0}
            body |= {"numberRecordsFailed": self.failed} | times
        else:
            body["isPkChunkingSupported"] = True
        return body | ({"errorMessage": self.error} if self.error else {})


_NAMES = tuple(f.name for f in fields(Job))


class Jobs:
    """All Bulk jobs of the org, and the thread that runs them."""

    def __init__(self, file: Path, directory: Path) -> None:
        self.directory = directory
        self._conn = sqlite3.connect(file, check_same_thread=False, isolation_level=None)
        self._conn.execute("PRAGMA journal_mode=WAL")
        self._conn.execute(f"CREATE TABLE IF NOT EXISTS job ({', '.join(_NAMES)}, PRIMARY KEY (id))")
        self._lock = threading.Lock()
        self._waiting: queue.Queue[str | None] = queue.Queue()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()

    def start(self, run: Callable[[Job], None]) -> None:
        """Run waiting jobs from now on, beginning with those that a stop interrupted."""
        for job in self.listed():
            if job.state in ("UploadComplete", "InProgress"):
                self._waiting.put(job.id)
        self._thread = threading.Thread(target=self._loop, args=(run,), name="bulk-jobs", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Finish the batch in hand and stop."""
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

    def unstuck(self, job: Job, faults: Faults) -> bool:
        """Keep a job waiting while the fault `job_stuck` is on; whether it may go on."""
        while faults.peek("job_stuck") is not None and not self.stopping and self.state_of(job.id) != "Aborted":
            self.pause(0.1)
        return not self.stopping and self.state_of(job.id) != "Aborted"

    def add(self, job: Job) -> Job:
        """Keep a new job under the next Id."""
        with self._lock:
            (count,) = self._conn.execute("SELECT count(*) FROM job").fetchone()
            (last,) = self._conn.execute("SELECT coalesce(max(rowid), 0) FROM job").fetchone()
            job = replace(job, id=make_id("750", max(count, last) + 1))
            marks = ", ".join("?" * len(_NAMES))
            self._conn.execute(f"INSERT INTO job VALUES ({marks})", _values(job))
        return job

    def save(self, job: Job) -> None:
        """Write a changed job down."""
        sets = ", ".join(f"{name}=?" for name in _NAMES)
        with self._lock:
            self._conn.execute(f"UPDATE job SET {sets} WHERE id=?", (*_values(job), job.id))

    def submit(self, job: Job) -> None:
        """Let a job run when its turn comes."""
        self._waiting.put(job.id)

    def get(self, job_id: str, kind: str) -> Job:
        """The job of that Id.

        Raises:
            OrgFault: There is none.
        """
        with self._lock:
            row = self._conn.execute(
                "SELECT * FROM job WHERE substr(id, 1, 15)=? AND kind=?", (job_id[:15], kind)
            ).fetchone()
        if row is None or len(job_id) not in (15, 18):
            raise OrgFault("NOT_FOUND", "The requested resource does not exist", status=404)
        return Job(*row)

    def state_of(self, job_id: str) -> str:
        """The state that the job has now; a deleted job counts as aborted."""
        with self._lock:
            row = self._conn.execute("SELECT state FROM job WHERE id=?", (job_id,)).fetchone()
        return str(row[0]) if row else "Aborted"

    def delete(self, job: Job) -> None:
        """Forget a job and its data."""
        with self._lock:
            self._conn.execute("DELETE FROM job WHERE id=?", (job.id,))
        for file in self.directory.glob(f"{job.id}*"):
            file.unlink(missing_ok=True)

    def listed(self, kind: str = "") -> list[Job]:
        """All jobs, of one kind or both, oldest first."""
        with self._lock:
            rows = self._conn.execute("SELECT * FROM job WHERE kind=? OR ?='' ORDER BY rowid", (kind, kind)).fetchall()
        return [Job(*row) for row in rows]

    def counts_today(self) -> tuple[int, int]:
        """How many ingest and query jobs the limits page shows as used."""
        kinds = [job.kind for job in self.listed() if job.state != "Open"]
        return kinds.count("ingest"), kinds.count("query")

    def _loop(self, run: Callable[[Job], None]) -> None:
        while not self.stopping:
            job_id = self._waiting.get()
            if job_id is None:
                return
            state = self.state_of(job_id)
            if state not in ("UploadComplete", "InProgress"):
                continue
            job = next(job for job in self.listed() if job.id == job_id)
            try:
                run(job)
            except Exception:
                _LOG.exception("Bulk job %s", job_id)
                self.save(replace(job, state="Failed", error="InternalServerError : Unexpected exception"))


def _values(job: Job) -> list[Any]:
    return [getattr(job, name) for name in _NAMES]


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
