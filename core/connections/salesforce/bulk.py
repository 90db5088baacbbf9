"""Bulk API 2.0 in single steps, so that a durable run can keep the job's Id between them and go on after a crash.

A written job: `bulk_create` -> keep the Id -> `bulk_upload` -> `bulk_start` -> `bulk_state` until it ends ->
`bulk_results`. An answer lost on the way is settled by asking for the job's state; a job whose creation was not
answered is empty, and found by `bulk_open_jobs`.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl
import requests

from core.connections.salesforce import soql as soql_text
from core.connections.salesforce.composite import Op
from core.connections.salesforce.rest import Rest
from core.connections.salesforce.sheets import from_csv
from core.errors import TerminalOrgError, TransientOrgError, UsageError
from core.values.ids import is_id

Lane = Literal["ingest", "query"]
ENDED = frozenset({"JobComplete", "Failed", "Aborted"})
PAGE_ROWS = 50_000
LARGEST = 100_000_000
"""Bytes of one upload; Salesforce counts 150 MB after its own encoding."""
_PIECE = 1 << 20
_SHORTEST_POLL = 0.25
_LONGEST_POLL = 10.0
_PAGE_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class BulkState:
    """Where a Bulk job stands."""

    id: str
    state: str
    processed: int = 0
    failed: int = 0
    message: str = ""
    sobject: str = ""
    operation: str = ""
    created_by: str = ""
    created_at: str = ""

    @property
    def ended(self) -> bool:
        """Nothing more will happen to it."""
        return self.state in ENDED


@dataclass(frozen=True, slots=True)
class BulkResults:
    """The rows of an ended job, text columns throughout; their order is not that of the upload.

    ``successful`` has ``sf__Id`` and ``sf__Created`` before the columns sent, ``failed`` has ``sf__Id`` and
    ``sf__Error`` (see `faults.bulk_error`), ``unprocessed`` only the columns sent.
    """

    successful: pl.DataFrame
    failed: pl.DataFrame
    unprocessed: pl.DataFrame


class BulkSteps(Rest):
    """The steps of Bulk jobs, as part of the gateway."""

    def bulk_create(self, op: Op, sobject: str, ext_field: str | None = None) -> str:
        """Open a job and give its Id, to be kept before anything else is done.

        Raises:
            AnswerLost: A job may stand open; `bulk_open_jobs` finds it, `bulk_abort` ends it. It holds no rows.
        """
        job: dict[str, Any] = {
            "operation": "insert" if op == "create" else op,
            "object": soql_text.name(sobject),
            "contentType": "CSV",
            "columnDelimiter": "COMMA",
            "lineEnding": "LF",
        }
        if op == "upsert":
            if not ext_field:
                raise UsageError("An upsert needs the name of its External ID field.")
            job["externalIdFieldName"] = soql_text.name(ext_field)
        return self._job_id(self.call("POST", "jobs/ingest", json=job))

    def bulk_upload(self, job_id: str, csv: bytes) -> None:
        """Give the job its rows; once per job.

        Raises:
            UsageError: More bytes than one job takes; nothing was sent.
        """
        if len(csv) > LARGEST:
            raise UsageError(f"One Bulk upload carries at most {LARGEST:,} bytes.", size=len(csv))
        self.answer("PUT", f"{_path('ingest', job_id)}/batches", data=csv, headers={"Content-Type": "text/csv"})

    def bulk_start(self, job_id: str) -> None:
        """Have the org begin; from here on rows may be written."""
        self._patch("ingest", job_id, "UploadComplete")

    def bulk_state(self, job_id: str) -> BulkState:
        """Where the job stands."""
        return _state(self.call("GET", _path("ingest", job_id)))

    def bulk_abort(self, job_id: str) -> None:
        """Stop the job; rows already written stay written."""
        self._patch("ingest", job_id, "Aborted")

    def bulk_results(self, job_id: str) -> BulkResults:
        """The rows of an ended job, by what became of them."""
        root = _path("ingest", job_id)
        names = ("successfulResults", "failedResults", "unprocessedrecords")
        return BulkResults(*(self._sheet(f"{root}/{name}/", {})[0] for name in names))

    def bulk_open_jobs(self, mine: str = "") -> list[BulkState]:
        """Jobs that were made but neither started nor ended, newest last.

        Args:
            mine: Only those made by the user of this Id.
        """
        jobs: list[BulkState] = []
        path: str | None = "jobs/ingest"
        while path:
            told = self.call("GET", path) or {}
            jobs.extend(_state(job) for job in told.get("records", ()))
            following = str(told.get("nextRecordsUrl") or "")
            path = following.partition("/jobs/")[2] and "jobs/" + following.partition("/jobs/")[2]
        found = (job for job in jobs if job.state == "Open" and (not mine or job.created_by[:15] == mine[:15]))
        return sorted(found, key=lambda job: job.created_at)

    # Reading

    def bulk_query_create(self, soql: str, all_rows: bool = False) -> str:
        """Begin a query and give its job's Id, to be kept."""
        job = {"operation": "queryAll" if all_rows else "query", "query": soql, "contentType": "CSV"}
        return self._job_id(self.call("POST", "jobs/query", json=job, reads=True))

    def bulk_query_state(self, job_id: str) -> BulkState:
        """Where the query stands."""
        return _state(self.call("GET", _path("query", job_id)))

    def bulk_query_page(
        self, job_id: str, locator: str = "", *, rows: int = PAGE_ROWS
    ) -> tuple[pl.DataFrame, str | None]:
        """One page of an ended query, and the locator of the next; None after the last.

        Args:
            job_id: The query's job.
            locator: Empty for the first page.
            rows: Most rows of a page.
        """
        params = {"maxRecords": str(rows)} | ({"locator": locator} if locator else {})
        frame, response = self._sheet(f"{_path('query', job_id)}/results", params)
        following = response.headers.get("Sforce-Locator", "null")
        return frame, None if following in ("", "null") else following

    def bulk_query_end(self, job_id: str) -> None:
        """Throw away the query's results in the org; only good manners, so a failure is no matter."""
        try:
            self.answer("DELETE", _path("query", job_id), reads=True)
        except (TerminalOrgError, TransientOrgError):
            return

    def bulk_query(self, soql: str, all_rows: bool = False, *, rows: int = PAGE_ROWS) -> Iterator[pl.DataFrame]:
        """All records of a query in frames of text columns, one page in memory at a time.

        Empty cells are null. For a run that must survive a crash use the single steps and keep Id and locator.
        """
        job_id = self.bulk_query_create(soql, all_rows)
        try:
            self.bulk_wait(lambda: self.bulk_query_state(job_id))
            locator: str | None = ""
            while locator is not None:
                frame, locator = self.bulk_query_page(job_id, locator, rows=rows)
                yield frame
        finally:
            self.bulk_query_end(job_id)

    def bulk_wait(self, ask: Callable[[], BulkState], *, at_most: float = 3600.0) -> BulkState:
        """Ask for a job's state until it is complete, soon at first and then ever less often.

        Raises:
            TerminalOrgError: The job failed as a whole or was aborted.
            TransientOrgError: It is not done in time.
        """
        pause, give_up = _SHORTEST_POLL, time.monotonic() + at_most
        while True:
            state = ask()
            if state.state == "JobComplete":
                return state
            if state.ended:
                raise job_failed(state)
            if time.monotonic() + pause > give_up:
                raise TransientOrgError("The Bulk job is not done yet.", job_id=state.id, state=state.state)
            self._sleep(pause)
            pause = min(_LONGEST_POLL, pause * 1.5)

    # Inside

    def _job_id(self, told: Any) -> str:
        if not isinstance(told, dict) or not is_id(str(told.get("id", ""))):
            raise self.garbled(reads=False)
        return str(told["id"])

    def _patch(self, lane: Lane, job_id: str, state: str) -> None:
        self.call("PATCH", _path(lane, job_id), json={"state": state})

    def _sheet(self, path: str, params: dict[str, str]) -> tuple[pl.DataFrame, requests.Response]:
        """A CSV answer, read in pieces; half an answer is fetched again."""
        for _ in range(_PAGE_ATTEMPTS):
            response = self.answer("GET", path, params=params, headers={"Accept": "text/csv"}, stream=True)
            with response:
                frame = _read(response)
            if frame is not None:
                return frame, response
        raise TransientOrgError("The org's results kept being cut off.", hint="Nothing; it is tried again.")


def _read(response: requests.Response) -> pl.DataFrame | None:
    """The whole sheet, or None where it is cut off."""
    kept = io.BytesIO()
    try:
        for piece in response.iter_content(_PIECE):
            kept.write(piece)
    except requests.RequestException:
        return None
    told = response.headers.get("Sforce-NumberOfRecords", "")
    frame = from_csv(kept.getvalue())
    return None if frame is None or (told.isdigit() and int(told) != frame.height) else frame


def job_failed(state: BulkState) -> TerminalOrgError:
    """What to raise for a job that failed as a whole."""
    code = state.message.partition(":")[0].strip().replace(" ", "")
    return TerminalOrgError(
        f"The Bulk job ended as {state.state}.",
        hint="Read the org's message; rows it had not processed were not written.",
        status_code=code if code.isalnum() else "",
        job_id=state.id,
        org_message=state.message,
    )


def _path(lane: Lane, job_id: str) -> str:
    if not is_id(job_id):
        raise UsageError("That is not the Id of a Bulk job.")
    return f"jobs/{lane}/{job_id}"


def _state(told: Any) -> BulkState:
    if not isinstance(told, dict) or "state" not in told:
        raise TransientOrgError("The org's answer about a Bulk job was garbled.", hint="Nothing; it is tried again.")
    return BulkState(
        id=str(told.get("id", "")),
        state=str(told["state"]),
        processed=int(told.get("numberRecordsProcessed") or 0),
        failed=int(told.get("numberRecordsFailed") or 0),
        message=str(told.get("errorMessage") or ""),
        sobject=str(told.get("object") or ""),
        operation=str(told.get("operation") or ""),
        created_by=str(told.get("createdById") or ""),
        created_at=str(told.get("createdDate") or ""),
    )
