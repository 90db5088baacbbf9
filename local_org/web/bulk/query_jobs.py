"""Query jobs: make, run, and page through the result with locators."""

from __future__ import annotations

import base64
import csv
import io
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from local_org import soql
from local_org.org.model import OrgFault
from local_org.web import spoiling
from local_org.web.bulk.csvs import encode
from local_org.web.bulk.ingest import dialect, listing, tidied
from local_org.web.bulk.jobs import DELIMITERS, LINE_ENDINGS, Job, Jobs
from local_org.web.messages import CSV_TYPE, Answer, Call
from local_org.web.routes import Router
from local_org.web.site import Site

CHUNK = 1000
MOST_PER_PAGE = 250_000
_FINISHED = ("JobComplete", "Failed", "Aborted")


def add_routes(router: Router) -> None:
    """Register the handlers of this module."""
    router.route("/jobs/query", "POST")(tidied(create))
    router.route("/jobs/query", "GET")(tidied(listed))
    router.route("/jobs/query/{job}", "GET")(tidied(read))
    router.route("/jobs/query/{job}", "PATCH")(tidied(change))
    router.route("/jobs/query/{job}", "DELETE")(tidied(delete))
    router.route("/jobs/query/{job}/results", "GET")(tidied(results))
    router.route("/jobs/query/{job}/resultPages", "GET")(tidied(result_pages))


def create(site: Site, call: Call) -> Answer:
    """Check a query and make a job of it, which runs at once."""
    job = _jobs(site).add(new_job(site, call.user_id, call.version, call.mapping()))
    _jobs(site).submit(job)
    return Answer(200, job.shown(full=False))


def new_job(site: Site, user_id: str, version: str, body: dict[str, Any]) -> Job:
    """The job that a body asks for, its query checked, not yet kept.

    Raises:
        OrgFault: An unknown operation, or a query that cannot be run.
    """
    operation = {"query": "query", "queryall": "queryAll"}.get(str(body.get("operation", "")).lower())
    if operation is None:
        raise OrgFault("INVALIDOPERATION", f"Unknown operation: {body.get('operation')}")
    text = str(body.get("query") or "")
    if not text.strip():
        raise OrgFault("MALFORMED_QUERY", "A query string has to be specified")
    found = soql.run(
        site.org.connection(), site.org.schema, site.session(user_id).access, text,
        all_rows=operation == "queryAll", now=site.now(), api_version=version, bulk=True,
    )  # fmt: skip
    return Job(
        "", "query", user_id, found.sobject, operation, "", "UploadComplete", site.epoch(), site.epoch(),
        *dialect(body), version, query=text,
    )  # fmt: skip


def listed(site: Site, call: Call) -> Answer:
    """All query jobs."""
    return listing(site, call, "query")


def read(site: Site, call: Call) -> Answer:
    """One job."""
    return Answer(200, _jobs(site).get(call.args["job"], "query").shown())


def change(site: Site, call: Call) -> Answer:
    """Abort a job."""
    job = _jobs(site).get(call.args["job"], "query")
    state = call.mapping().get("state")
    if state != "Aborted" or job.state in _FINISHED:
        raise OrgFault("INVALIDJOBSTATE", f"Cannot change job {job.id} from {job.state} to {state}")
    job = replace(job, state="Aborted", modified=site.epoch())
    _jobs(site).save(job)
    return Answer(200, job.shown())


def delete(site: Site, call: Call) -> Answer:
    """Forget a finished job."""
    job = _jobs(site).get(call.args["job"], "query")
    if job.state not in _FINISHED:
        raise OrgFault("INVALIDJOBSTATE", f"Job {job.id} cannot be deleted in state {job.state}")
    _jobs(site).delete(job)
    return Answer(204)


def results(site: Site, call: Call) -> Answer:
    """A page of the result as CSV; `Sforce-Locator` is the word ``null`` on the last one."""
    job = _finished(site, call)
    start = _row_of(job, call.query.get("locator", ""))
    wanted = call.number("maxRecords", MOST_PER_PAGE, least=1, most=MOST_PER_PAGE)
    count = min(wanted, job.processed - start)
    end = start + count
    first = spoiling.page_start(site, call, start, count) if start else start
    call.rows += count
    headers = {
        "Sforce-NumberOfRecords": str(count),
        "Sforce-Locator": _locator(job, end) if end < job.processed else "null",
    }
    return Answer(200, headers=headers, media=CSV_TYPE, stream=_page(_jobs(site), job, first, first + count))


def result_pages(site: Site, call: Call) -> Answer:
    """Addresses of several pages, to be fetched side by side."""
    job = _finished(site, call)
    start = _row_of(job, call.query.get("locator", ""))
    starts = list(range(start, max(job.processed, start + 1), 50_000))
    base = f"/services/data/v{call.version}/jobs/query/{job.id}/results"
    pages = [{"resultUrl": f"{base}?locator={_locator(job, row)}&maxRecords=50000"} for row in starts]
    return Answer(200, {"resultPages": pages, "nextRecordsUrl": None, "done": True})


def run(site: Site, job: Job) -> None:
    """Run a job: the whole result goes to a file, with the place of every thousandth row noted beside it."""
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
        rows = _made_before(site, job)
        if rows is None:
            rows = _write_result(site, job)
        job = replace(job, state="JobComplete", processed=rows)
    except OrgFault as fault:
        job = replace(job, state="Failed", error=f"{fault.code}: {fault.message}")
    if _jobs(site).state_of(job.id) == "Aborted":
        return
    took = int((time.monotonic() - started) * 1000)
    _jobs(site).save(replace(job, took_ms=took, modified=site.epoch()))


def prepare(site: Site, job: Job) -> Job:
    """Run a job at once, and let later jobs of the same user, query and dialect have its result as it is now.

    Raises:
        OrgFault: The query cannot be run.
    """
    job = _jobs(site).add(job)
    job = replace(job, state="JobComplete", processed=_write_result(site, job), modified=site.epoch())
    _jobs(site).save(job)
    _jobs(site).prepared[_asked(job)] = job.id
    return job


def _made_before(site: Site, job: Job) -> int | None:
    """Take over the files of a prepared result; how many rows they hold, nothing when there is none."""
    jobs = _jobs(site)
    kept = jobs.by_id(jobs.prepared.get(_asked(job), ""))
    if kept is None:
        return None
    for place in (_data, _index):
        place(jobs, job).unlink(missing_ok=True)
        place(jobs, job).hardlink_to(place(jobs, kept))
    return kept.processed


def _asked(job: Job) -> tuple[str, ...]:
    """What makes two jobs ask for the same file."""
    return job.user_id, job.operation, job.query, job.delimiter, job.line_ending


def _write_result(site: Site, job: Job) -> int:
    conn = site.org.new_connection()
    try:
        conn.execute("BEGIN")
        found = soql.run(
            conn, site.org.schema, site.session(job.user_id).access, job.query,
            all_rows=job.operation == "queryAll", now=site.now(), api_version=job.api_version, bulk=True,
        )  # fmt: skip
        total = found.total
        places = [0]
        with _data(_jobs(site), job).open("wb") as handle:
            head = encode(job, [found.headers])
            for chunk in found.iter_csv(
                CHUNK, header=False, delimiter=DELIMITERS[job.delimiter], line_ending=LINE_ENDINGS[job.line_ending]
            ):
                places.append(places[-1] + handle.write(chunk))
        index = {"head": head.decode(), "places": places}
        _index(_jobs(site), job).write_text(json.dumps(index))
        return total
    finally:
        conn.close()


def _page(jobs: Jobs, job: Job, start: int, end: int) -> Iterator[bytes]:
    """The header and the rows from `start` up to `end`; only chunks that are cut are parsed."""
    index = json.loads(_index(jobs, job).read_text())
    yield index["head"].encode()
    with _data(jobs, job).open("rb") as handle:
        for number in range(start // CHUNK, -(-end // CHUNK)):
            first, last = max(start - number * CHUNK, 0), min(end - number * CHUNK, CHUNK)
            handle.seek(index["places"][number])
            chunk = handle.read(index["places"][number + 1] - index["places"][number])
            if first == 0 and (last == CHUNK or end == job.processed):
                yield chunk
            else:
                lines = csv.reader(io.StringIO(chunk.decode(), newline=""), delimiter=DELIMITERS[job.delimiter])
                yield encode(job, list(lines)[first:last])


def _finished(site: Site, call: Call) -> Job:
    job = _jobs(site).get(call.args["job"], "query")
    if job.state != "JobComplete":
        raise OrgFault("INVALIDJOBSTATE", f"Results are available when the job is complete; it is {job.state}")
    return job


def _locator(job: Job, row: int) -> str:
    return base64.urlsafe_b64encode(f"{job.id[-8:]}:{row}".encode()).decode().rstrip("=")


def _row_of(job: Job, locator: str) -> int:
    if not locator or locator == "null":
        return 0
    try:
        mark, _, row = base64.urlsafe_b64decode(locator + "=" * (-len(locator) % 4)).decode().partition(":")
        if mark == job.id[-8:] and 0 <= int(row) <= job.processed:
            return int(row)
    except ValueError:
        pass
    raise OrgFault("INVALID_LOCATOR", f"Invalid locator: {locator}")


def _data(jobs: Jobs, job: Job) -> Path:
    return jobs.directory / f"{job.id}.out.csv"


def _index(jobs: Jobs, job: Job) -> Path:
    return jobs.directory / f"{job.id}.index.json"


def _jobs(site: Site) -> Jobs:
    return site.jobs
