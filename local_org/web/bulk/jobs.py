"""Remembers the jobs of Bulk API 2.0 and runs them one after another, across restarts."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from local_org.org.ids import make_id
from local_org.org.model import OrgFault
from local_org.web.faults import Faults
from local_org.web.worklines import Book, Line, Table

_LOG = logging.getLogger("local_org")

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
LINE_ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
KEPT_SECONDS = 7 * 86_400
"""How long a job can be asked for, by the limits of Bulk API 2.0."""


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


_WAITING = ("UploadComplete", "InProgress")


class Jobs:
    """All Bulk jobs of the org, and the line in which they run."""

    def __init__(self, file: Path, directory: Path) -> None:
        self.directory = directory
        self.line = Line("bulk-jobs")
        self.prepared: dict[tuple[str, ...], str] = {}
        """Jobs whose results were made beforehand, by what was asked; as long as the server runs."""
        self._book = Book(file)
        self._jobs = Table(self._book, "job", Job)

    def start(self, run: Callable[[Job], None]) -> None:
        """Run waiting jobs from now on, beginning with those that a stop interrupted."""
        waiting = [job.id for job in self._jobs.find() if job.state in _WAITING]
        self.line.start(lambda job_id: self._run(run, job_id), waiting)

    def stop(self) -> None:
        """Finish the batch in hand and stop."""
        self.line.stop()
        self._book.close()

    def add(self, job: Job) -> Job:
        """Keep a new job under the next Id."""
        with self._book.turn():
            return self._jobs.add(replace(job, id=make_id("750", self._jobs.next_number())))

    def save(self, job: Job) -> None:
        """Write a changed job down."""
        self._jobs.save(job)

    def submit(self, job: Job) -> None:
        """Let a job run when its turn comes."""
        self.line.submit(job.id)

    def get(self, job_id: str, kind: str) -> Job:
        """The job of that Id.

        Raises:
            OrgFault: There is none.
        """
        found = self._jobs.by_id(job_id, "kind=?", kind)
        if found is None:
            raise OrgFault("NOT_FOUND", "The requested resource does not exist", status=404)
        return found

    def by_id(self, job_id: str) -> Job | None:
        """The job of that Id, if there is one."""
        return self._jobs.by_id(job_id)

    def state_of(self, job_id: str) -> str:
        """The state that the job has now; a deleted job counts as aborted."""
        found = self._jobs.by_id(job_id)
        return found.state if found else "Aborted"

    def may_go_on(self, job: Job, faults: Faults) -> bool:
        """Hold a job back while the fault `job_stuck` is on; whether it may go on."""
        return self.line.unstuck(faults, lambda: self.state_of(job.id) == "Aborted")

    def delete(self, job: Job) -> None:
        """Forget a job and its data."""
        self._jobs.delete(job.id)
        for file in self.directory.glob(f"{job.id}*"):
            file.unlink(missing_ok=True)

    def purge(self, made_before: int) -> list[Job]:
        """Forget the jobs that were made before that second and have no run ahead, with their data; returns them."""
        gone = self._jobs.find("created<? AND state NOT IN (?, ?)", made_before, *_WAITING)
        for job in gone:
            self.delete(job)
        return gone

    def listed(self, kind: str) -> list[Job]:
        """All jobs of one kind, oldest first."""
        return self._jobs.find("kind=?", kind)

    def counts_since(self, second: int) -> tuple[int, int]:
        """How many ingest and query jobs made since then the limits page shows as used."""
        kinds = [job.kind for job in self._jobs.find("created>=? AND state<>'Open'", second)]
        return kinds.count("ingest"), kinds.count("query")

    def _run(self, run: Callable[[Job], None], job_id: str) -> None:
        job = self._jobs.by_id(job_id)
        if job is None or job.state not in _WAITING:
            return
        try:
            run(job)
        except Exception:
            _LOG.exception("Bulk job %s", job_id)
            self.save(replace(job, state="Failed", error="InternalServerError : Unexpected exception"))


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")
