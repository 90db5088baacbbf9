"""Ingest jobs: make, upload, close, run batch by batch, and hand out each row's result."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

from local_org.org.model import OrgFault, SaveResult
from local_org.web.bulk.csvs import BadBatch, Header, encode, error_text, oversized, rows
from local_org.web.bulk.jobs import DELIMITERS, KEPT_SECONDS, LINE_ENDINGS, Job, Jobs
from local_org.web.messages import CSV_TYPE, Answer, Call, not_found
from local_org.web.routes import Handler, Router
from local_org.web.rows import key_field
from local_org.web.site import Site

BATCH = 1000
_OPERATIONS = {
    "insert": "create",
    "update": "update",
    "upsert": "upsert",
    "delete": "delete",
    "hardDelete": "hardDelete",
}
_LETTERS = {"insert": "c", "update": "u", "upsert": "u", "delete": "d", "hardDelete": "d"}
_RESULT_TABLE = (
    "CREATE TABLE IF NOT EXISTS _bulk_result"
    "(job TEXT, batch INTEGER, rows INTEGER, failed INTEGER, good BLOB, bad BLOB, PRIMARY KEY (job, batch))"
)
_HEADER_BYTES = 1_000_000
_FINISHED = ("JobComplete", "Failed", "Aborted")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/jobs/ingest", "POST")(tidied(create))
    router.route("/jobs/ingest", "GET")(tidied(listed))
    router.route("/jobs/ingest/{job}", "GET")(tidied(read))
    router.route("/jobs/ingest/{job}", "PATCH")(tidied(change))
    router.route("/jobs/ingest/{job}", "DELETE")(tidied(delete))
    router.route("/jobs/ingest/{job}/batches", "PUT")(tidied(upload))
    router.route("/jobs/ingest/{job}/successfulResults", "GET")(tidied(successful))
    router.route("/jobs/ingest/{job}/failedResults", "GET")(tidied(failed))
    router.route("/jobs/ingest/{job}/unprocessedRecords", "GET")(tidied(unprocessed))


def tidied(handler: Handler) -> Handler:
    """The handler, which finds no job that is older than jobs are kept."""

    def answer(site: Site, call: Call) -> Answer:
        if gone := _jobs(site).purge(site.epoch() - KEPT_SECONDS):
            _forget_results(site, [job.id for job in gone])
        return handler(site, call)

    return answer


def _forget_results(site: Site, job_ids: Iterable[str]) -> None:
    with site.org.write() as conn:
        conn.execute(_RESULT_TABLE)
        conn.executemany("DELETE FROM _bulk_result WHERE job=?", [(job_id,) for job_id in job_ids])


def create(site: Site, call: Call) -> Answer:
    """Make a job, with its data in the same request when it is multipart."""
    data = b""
    if call.multipart:
        data = call.parts().get("content", b"")
        if not data:
            raise not_found("The multipart request has no part named 'content'")
    job = _jobs(site).add(_new_job(site, call, call.mapping()))
    if data:
        header, end, lines = data.partition(b"\n")
        (_jobs(site).directory / f"{job.id}.csv").write_bytes(_full_names(call, header) + end + lines)
        job = replace(job, uploaded=len(data), state="UploadComplete")
        _jobs(site).save(job)
        _jobs(site).submit(job)
    return Answer(200, job.shown(full=False))


def listed(site: Site, call: Call) -> Answer:
    """All ingest jobs."""
    return listing(site, call, "ingest")


def read(site: Site, call: Call) -> Answer:
    """One job."""
    return Answer(200, _jobs(site).get(call.args["job"], "ingest").shown())


def change(site: Site, call: Call) -> Answer:
    """Close a job's upload so that it runs, or abort it."""
    job = _jobs(site).get(call.args["job"], "ingest")
    state = call.mapping().get("state")
    if state == "UploadComplete" and job.state == "Open":
        job = replace(job, state="UploadComplete", modified=site.epoch())
        _jobs(site).save(job)
        _jobs(site).submit(job)
    elif state == "Aborted" and job.state not in _FINISHED:
        job = replace(job, state="Aborted", modified=site.epoch())
        _jobs(site).save(job)
    else:
        raise _wrong_state(f"Cannot change job {job.id} from {job.state} to {state}")
    return Answer(200, job.shown(full=False))


def delete(site: Site, call: Call) -> Answer:
    """Forget a finished job."""
    job = _jobs(site).get(call.args["job"], "ingest")
    if job.state not in _FINISHED:
        raise _wrong_state(f"Job {job.id} cannot be deleted in state {job.state}")
    _forget_results(site, [job.id])
    _jobs(site).delete(job)
    return Answer(204)


def upload(site: Site, call: Call) -> Answer:
    """Take the data of a job, once."""
    job = _jobs(site).get(call.args["job"], "ingest")
    if job.state != "Open":
        raise _wrong_state(f"Job {job.id} is in state {job.state}; data can be uploaded while it is Open")
    if job.uploaded:
        text = (
            f"Found multiple contents for job: <{job.id}>, please 'Close' / 'Abort' / 'Delete' the current Job then "
            "create a new Job and make sure you only do 'PUT' once on a given Job."
        )
        raise OrgFault("INVALIDJOBSTATE", text)
    size = 0
    target = _jobs(site).directory / f"{job.id}.csv"
    with target.open("wb") as handle:
        if call.spool is not None:
            size += handle.write(_full_names(call, call.spool.readline(_HEADER_BYTES)))
        while call.spool is not None and (chunk := call.spool.read(1024 * 1024)):
            size += handle.write(chunk)
    _jobs(site).save(replace(job, uploaded=max(size, 1), modified=site.epoch()))
    return Answer(201)


def successful(site: Site, call: Call) -> Answer:
    """The rows that were saved."""
    job, header = _with_header(site, call)
    return _results(site, job, ["sf__Id", "sf__Created", *header], "good")


def failed(site: Site, call: Call) -> Answer:
    """The rows that were not, and why."""
    job, header = _with_header(site, call)
    return _results(site, job, ["sf__Id", "sf__Error", *header], "bad")


def unprocessed(site: Site, call: Call) -> Answer:
    """The rows that an abort or a failure left out."""
    job, header = _with_header(site, call)
    if job.state not in _FINISHED:
        raise _wrong_state(f"Job {job.id} is not finished: {job.state}")

    def stream() -> Iterator[bytes]:
        yield encode(job, [header])
        lines = rows(job, _jobs(site).directory / f"{job.id}.csv")
        left = islice(lines, job.processed + 1, None)
        try:
            while chunk := list(islice(left, BATCH)):
                yield encode(job, chunk)
        except BadBatch:
            return

    return Answer(200, stream=stream(), media=CSV_TYPE)


def run(site: Site, job: Job) -> None:
    """Run a job to its end.

    Each batch is saved in one transaction together with its results, so that a server that is killed goes on with
    the first batch that is not in.
    """
    delay = site.faults.strikes("job_delay")
    if delay is not None:
        _jobs(site).line.pause(delay.number(5))
    if _jobs(site).state_of(job.id) == "Aborted":
        return
    if site.faults.strikes("job_failed") is not None:
        _jobs(site).save(replace(job, state="Failed", error="InternalServerError : Unexpected exception"))
        return
    started = time.monotonic()
    job = replace(job, state="InProgress", modified=site.epoch())
    _jobs(site).save(job)
    if not _jobs(site).may_go_on(job, site.faults):
        return
    try:
        job = _run_batches(site, job)
    except BadBatch as fault:
        job = replace(job, state="Failed", error=str(fault))
    if _jobs(site).line.stopping and job.state == "InProgress":
        return
    took = int((time.monotonic() - started) * 1000)
    state = "Aborted" if _jobs(site).state_of(job.id) == "Aborted" else job.state
    _jobs(site).save(replace(job, state=state, modified=site.epoch(), took_ms=took))


def _run_batches(site: Site, job: Job) -> Job:
    file = _jobs(site).directory / f"{job.id}.csv"
    if not file.exists():
        return replace(job, state="JobComplete")
    with site.org.write() as conn:
        conn.execute(_RESULT_TABLE)
    lines = rows(job, file)
    header = Header(site.org.schema, job, next(lines, []))
    batch, job = _resume(site, job)
    left = islice(lines, job.processed, None)
    while chunk := list(islice(left, BATCH)):
        if _jobs(site).line.stopping or _jobs(site).state_of(job.id) == "Aborted":
            return job
        bad = _run_batch(site, job, header, chunk, batch)
        batch += 1
        job = replace(job, processed=job.processed + len(chunk), failed=job.failed + bad, modified=site.epoch())
        if _jobs(site).state_of(job.id) != "Aborted":
            _jobs(site).save(job)
    return replace(job, state="JobComplete")


def _resume(site: Site, job: Job) -> tuple[int, Job]:
    """The next batch, and the job with what its stored batches have done."""
    sums = "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(failed), 0) FROM _bulk_result WHERE job=?"
    batches, done, bad = site.org.connection().execute(sums, (job.id,)).fetchone()
    return batches, replace(job, processed=done, failed=bad)


def _run_batch(site: Site, job: Job, header: Header, chunk: list[list[str]], number: int) -> int:
    width = len(header.names)
    refused = [oversized(header.names, cells) for cells in chunk]
    records = [header.record(cells) for cells, fault in zip(chunk, refused, strict=True) if fault is None]
    with site.org.write() as conn:
        saved = iter(
            site.save(job.user_id, _OPERATIONS[job.operation], job.object, records, ext_field=job.ext_field or None)
        )
        results = [SaveResult(None, False, errors=[fault]) if fault else next(saved) for fault in refused]
        good: list[list[str]] = []
        bad: list[list[str]] = []
        for cells, result in zip(chunk, results, strict=True):
            padded = (cells + [""] * width)[:width]
            if result.success:
                created = result.created or job.operation == "insert"
                good.append([result.id or "", "true" if created else "false", *padded])
            else:
                bad.append([result.id or "", error_text(result.errors), *padded])
        stored = (job.id, number, len(chunk), len(bad), encode(job, good), encode(job, bad))
        conn.execute("INSERT INTO _bulk_result VALUES (?,?,?,?,?,?)", stored)
    return len(bad)


def _results(site: Site, job: Job, header: list[str], column: str) -> Answer:
    if job.state not in _FINISHED:
        raise _wrong_state(f"Job {job.id} is not finished: {job.state}")

    def stream() -> Iterator[bytes]:
        yield encode(job, [header])
        conn = site.org.new_connection()
        try:
            if conn.execute("SELECT 1 FROM sqlite_master WHERE name='_bulk_result'").fetchone():
                query = f"SELECT {column} FROM _bulk_result WHERE job=? ORDER BY batch"
                for (blob,) in conn.execute(query, (job.id,)):
                    yield blob
        finally:
            conn.close()

    return Answer(200, stream=stream(), media=CSV_TYPE)


def _with_header(site: Site, call: Call) -> tuple[Job, list[str]]:
    job = _jobs(site).get(call.args["job"], "ingest")
    call.rows += job.processed
    file = _jobs(site).directory / f"{job.id}.csv"
    try:
        return job, next(rows(job, file), []) if file.exists() else []
    except BadBatch:
        return job, []


def _new_job(site: Site, call: Call, body: dict[str, Any]) -> Job:
    operation = next((o for o in _OPERATIONS if o.lower() == str(body.get("operation", "")).lower()), "")
    if not operation:
        raise OrgFault("INVALIDOPERATION", f"Unknown operation: {body.get('operation')}")
    sobject = site.org.schema.get(str(body.get("object", "")))
    access = site.session(call.user_id).access
    if sobject is None or not access.may(sobject, "r"):
        raise OrgFault("INVALIDENTITY", f"Entity '{body.get('object')}' is not supported by the Bulk API.")
    if operation == "hardDelete" and not access.modify_all:
        raise OrgFault("FEATURENOTENABLED", "hardDelete is not enabled for this user")
    if not access.may(sobject, _LETTERS[operation]):
        raise OrgFault("INSUFFICIENT_ACCESS", f"No permission to {operation} {sobject.name}", status=403)
    ext_field = str(body.get("externalIdFieldName") or "")
    if operation == "upsert":
        if not ext_field:
            raise OrgFault("INVALIDJOB", "External ID was blank for upsert job")
        ext_field = key_field(site, call, sobject, ext_field).name
    if str(body.get("contentType") or "CSV").upper() != "CSV":
        raise OrgFault("INVALIDCONTENTTYPE", "Only CSV is supported by Bulk API 2.0")
    return Job(
        "", "ingest", call.user_id, sobject.name, operation, ext_field if operation == "upsert" else "", "Open",
        site.epoch(), site.epoch(), *dialect(body), call.version,
    )  # fmt: skip


def dialect(body: dict[str, Any]) -> tuple[str, str]:
    """The delimiter and the line ending that a job asks for."""
    delimiter = str(body.get("columnDelimiter") or "COMMA").upper()
    line_ending = str(body.get("lineEnding") or "LF").upper()
    if delimiter not in DELIMITERS or line_ending not in LINE_ENDINGS:
        raise OrgFault("INVALIDJOB", f"Unknown columnDelimiter or lineEnding: {delimiter}, {line_ending}")
    return delimiter, line_ending


def listing(site: Site, call: Call, kind: str) -> Answer:
    """A page of jobs of one kind, newest first."""
    offset = call.number("queryLocator", 0)
    jobs = _jobs(site).listed(kind)[::-1]
    page = jobs[offset : offset + 1000]
    done = offset + len(page) >= len(jobs)
    more = f"/services/data/v{call.version}/jobs/{kind}?queryLocator={offset + len(page)}"
    records = [job.shown() for job in page]
    return Answer(200, {"done": done, "records": records, "nextRecordsUrl": None if done else more})


def _full_names(call: Call, header: bytes) -> bytes:
    """The header with the names filled up whose prefix the request leaves away; bytes that are no text stay."""
    if call.names is None:
        return header
    text = header.decode(errors="surrogateescape")
    return call.names.text(text).encode(errors="surrogateescape")


def _jobs(site: Site) -> Jobs:
    return site.jobs


def _wrong_state(text: str) -> OrgFault:
    return OrgFault("INVALIDJOBSTATE", text)
