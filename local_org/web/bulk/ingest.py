"""Ingest jobs: make, upload, close, run batch by batch, and hand out each row's result."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes, policy
from itertools import islice
from typing import Any

from local_org.org.model import OrgFault
from local_org.web.bulk.csvs import BadBatch, Header, encode, error_text, rows
from local_org.web.bulk.jobs import DELIMITERS, LINE_ENDINGS, Job, Jobs
from local_org.web.messages import CSV_TYPE, Answer, Call, not_found
from local_org.web.routes import Router
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
_FINISHED = ("JobComplete", "Failed", "Aborted")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/jobs/ingest", "POST")(create)
    router.route("/jobs/ingest", "GET")(listed)
    router.route("/jobs/ingest/{job}", "GET")(read)
    router.route("/jobs/ingest/{job}", "PATCH")(change)
    router.route("/jobs/ingest/{job}", "DELETE")(delete)
    router.route("/jobs/ingest/{job}/batches", "PUT")(upload)
    router.route("/jobs/ingest/{job}/successfulResults", "GET")(successful)
    router.route("/jobs/ingest/{job}/failedResults", "GET")(failed)
    router.route("/jobs/ingest/{job}/unprocessedRecords", "GET")(unprocessed)


def create(site: Site, call: Call) -> Answer:
    """Make a job, with its data in the same request when it is multipart."""
    data = b""
    if "multipart/form-data" in call.headers.get("content-type", ""):
        data = _take_parts(call)
    job = _jobs(site).add(_new_job(site, call, call.mapping()))
    if data:
        (_jobs(site).directory / f"{job.id}.csv").write_bytes(data)
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
    with site.org.write() as conn:
        conn.execute(_RESULT_TABLE)
        conn.execute("DELETE FROM _bulk_result WHERE job=?", (job.id,))
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
    records = [header.record(cells) for cells in chunk]
    with site.org.write() as conn:
        results = site.save(
            job.user_id, _OPERATIONS[job.operation], job.object, records, ext_field=job.ext_field or None
        )
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


def _take_parts(call: Call) -> bytes:
    """Split a multipart request: the job stays as the JSON body, the data is returned."""
    head = f"Content-Type: {call.headers['content-type']}\r\n\r\n".encode()
    message = message_from_bytes(head + call.raw, policy=policy.HTTP)
    data = b""
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if name == "job" and isinstance(payload, bytes):
            call.raw = payload
        elif name == "content" and isinstance(payload, bytes):
            data = payload
    call.headers = {**call.headers, "content-type": "application/json"}
    if not data:
        raise not_found("The multipart request has no part named 'content'")
    return data


def _jobs(site: Site) -> Jobs:
    return site.jobs


def _wrong_state(text: str) -> OrgFault:
    return OrgFault("INVALIDJOBSTATE", text)
