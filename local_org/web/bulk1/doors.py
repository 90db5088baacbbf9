"""The addresses of Bulk API 1.0: jobs, their batches, what was sent and what came of it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from local_org.org.ids import id_number, make_id
from local_org.org.model import OrgFault, SObject
from local_org.web.bulk1 import running, wire
from local_org.web.bulk1.jobs import AsyncFault, Batch, BatchJobs, Job, JobState
from local_org.web.messages import Answer, Call
from local_org.web.routes import Handler, Router
from local_org.web.rows import key_field
from local_org.web.site import Site
from local_org.web.xmls import XmlFault, local, parsed, texts

MOST_BYTES = 10_000_000
MOST_BATCHES = 5_000
MOST_CHUNK = 250_000
MOST_BATCHES_A_DAY = 15_000
_CHUNK = 100_000
_PIECE = 256 * 1024
_LETTERS = {"insert": "c", "update": "u", "upsert": "u", "delete": "d", "hardDelete": "d"} | dict.fromkeys(
    ("query", "queryAll"), "r"
)
_MODES = {"": "Parallel", "0": "Parallel", "1": "Serial", "parallel": "Parallel", "serial": "Serial"}
_VERSION = re.compile(r"(3[1-9]|[45]\d|6[0-6])\.0\Z")
_ROOT = "/services/async/{version}/job"


def add_routes(router: Router) -> None:
    """Register the handlers of this module, each with the sign-in and the errors of this API."""
    table: list[tuple[str, str, Handler]] = [
        (_ROOT, "POST", create),
        (_ROOT + "/{job}", "GET", read),
        (_ROOT + "/{job}", "POST", change),
        (_ROOT + "/{job}/batch", "GET", batches),
        (_ROOT + "/{job}/batch", "POST", add_batch),
        (_ROOT + "/{job}/batch/{batch}", "GET", read_batch),
        (_ROOT + "/{job}/batch/{batch}/request", "GET", request),
        (_ROOT + "/{job}/batch/{batch}/result", "GET", result),
        (_ROOT + "/{job}/batch/{batch}/result/{result}", "GET", query_result),
    ]
    for path, method, handler in table:
        router.route(path, method)(_guarded(handler))


def create(site: Site, call: Call) -> Answer:
    """Make a job."""
    job = _jobs(site).add(_new_job(site, call, _facts(call)))
    return wire.job_answer(job, [], _form(call), 201)


def read(site: Site, call: Call) -> Answer:
    """One job."""
    job = _job(site, call)
    return wire.job_answer(job, _jobs(site).batches(job), _form(call, job))


def change(site: Site, call: Call) -> Answer:
    """Close a job, so that it takes no more batches, or abort it, so that waiting batches do not run."""
    job = _job(site, call)
    wanted = _facts(call).get("state", "").capitalize()
    states: dict[str, JobState] = {"Closed": "Closed", "Aborted": "Aborted"}
    if wanted not in states:
        raise AsyncFault("InvalidJob", f"Invalid state: {wanted}")
    if job.state != "Open" and not (job.state == "Closed" and wanted == "Aborted"):
        verb = "Closing" if wanted == "Closed" else "Aborting"
        raise AsyncFault("InvalidJobState", f"{verb} already {job.state} Job not allowed")
    job = replace(job, state=states[wanted], modified=site.epoch())
    _jobs(site).save(job)
    if job.state == "Aborted":
        _jobs(site).drop_waiting(job, site.epoch())
    return wire.job_answer(job, _jobs(site).batches(job), _form(call, job))


def batches(site: Site, call: Call) -> Answer:
    """All batches of a job."""
    job = _job(site, call)
    return wire.batches_answer(_jobs(site).batches(job), _batch_form(job))


def add_batch(site: Site, call: Call) -> Answer:
    """Take a batch, which runs as soon as its turn comes."""
    job = _job(site, call)
    if job.state != "Open":
        raise AsyncFault("InvalidJobState", f"Job is {job.state}; batches can be added while it is Open")
    _check_content(call, job)
    if len(_jobs(site).batches(job)) >= MOST_BATCHES:
        raise AsyncFault("ExceededQuota", f"A job takes at most {MOST_BATCHES} batches")
    now = site.epoch()
    if _jobs(site).batches_since(now - now % 86_400) >= MOST_BATCHES_A_DAY:
        raise AsyncFault("ExceededQuota", "ApiBatchItems Limit exceeded.")
    batch = _jobs(site).add_batch(Batch("", job.id, "Queued", now, now), call.raw)
    _jobs(site).submit(batch)
    return wire.batch_answer(batch, _batch_form(job), 201)


def read_batch(site: Site, call: Call) -> Answer:
    """One batch."""
    job = _job(site, call)
    return wire.batch_answer(_jobs(site).get_batch(job, call.args["batch"]), _batch_form(job))


def request(site: Site, call: Call) -> Answer:
    """What was sent as a batch, byte by byte."""
    job = _job(site, call)
    batch = _jobs(site).get_batch(job, call.args["batch"])
    return Answer(200, _jobs(site).request_file(batch).read_bytes(), media=wire.MEDIA[job.content_type])


def result(site: Site, call: Call) -> Answer:
    """What came of each row of a batch; of a query, the Ids of its results."""
    job = _job(site, call)
    batch = _completed(site, job, call.args["batch"])
    if job.is_query:
        return wire.result_ids_answer([_result_id(batch)], _batch_form(job))
    call.rows += batch.processed
    return Answer(200, running.saved_results(site, job, batch), media=wire.MEDIA[job.content_type])


def query_result(site: Site, call: Call) -> Answer:
    """The rows that a query found."""
    job = _job(site, call)
    batch = _completed(site, job, call.args["batch"])
    if not job.is_query or call.args["result"][:15] != _result_id(batch)[:15]:
        raise AsyncFault("InvalidBatch", f"Unable to find result: {call.args['result']}")
    call.rows += batch.processed
    return Answer(200, stream=_pieces(_jobs(site).result_file(batch)), media=wire.MEDIA[job.content_type])


def _new_job(site: Site, call: Call, facts: dict[str, str]) -> Job:
    operation = next((o for o in _LETTERS if o.lower() == facts.get("operation", "").lower()), "")
    if not operation:
        raise AsyncFault("InvalidJob", f"Invalid operation: {facts.get('operation', '')}")
    sobject = _object(site, call, facts.get("object", ""), operation)
    content_type = (facts.get("contentType") or "XML").upper()
    if content_type not in ("CSV", "JSON", "XML"):
        raise AsyncFault("InvalidJob", f"Content type {content_type} is not offered here")
    mode = _MODES.get(facts.get("concurrencyMode", "").lower())
    if mode is None:
        raise AsyncFault("InvalidJob", f"Invalid concurrencyMode: {facts['concurrencyMode']}")
    now = site.epoch()
    ext_field = _ext_field(site, call, sobject, operation, facts)
    return Job(
        "", call.user_id, sobject.name, operation, ext_field, content_type, mode, "Open", now, now,
        call.args["version"], facts.get("assignmentRuleId", ""), _chunk_size(call, operation),
    )  # fmt: skip


def _object(site: Site, call: Call, name: str, operation: str) -> SObject:
    """The object of a new job.

    Raises:
        AsyncFault: It does not exist, or the user may not do this with it.
    """
    access = site.session(call.user_id).access
    found = site.org.schema.get(name)
    if found is None or not access.may(found, "r"):
        raise AsyncFault("InvalidJob", f"Unable to find object: {name}")
    if operation == "hardDelete" and not access.modify_all:
        raise AsyncFault("FeatureNotEnabled", "hardDelete is not enabled for this user")
    if not access.may(found, _LETTERS[operation]):
        raise AsyncFault("InvalidJob", f"No permission to {operation} {found.name}")
    return found


def _ext_field(site: Site, call: Call, sobject: SObject, operation: str, facts: dict[str, str]) -> str:
    if operation != "upsert":
        return ""
    name = facts.get("externalIdFieldName", "")
    if not name:
        raise AsyncFault("InvalidJob", "External ID was blank for upsert job")
    try:
        return key_field(site, call, sobject, name).name
    except OrgFault as fault:
        raise AsyncFault("InvalidJob", f"InvalidExternalIdField : {name}") from fault


def _chunk_size(call: Call, operation: str) -> int:
    """Rows per batch that `Sforce-Enable-PKChunking` asks for (`TRUE`, or `chunkSize=50000; ...`), else 0."""
    value = call.headers.get("sforce-enable-pkchunking", "").strip().lower()
    if not operation.startswith("query") or value in ("", "false"):
        return 0
    match = re.search(r"chunksize\s*=\s*(\d+)", value)
    size = int(match.group(1)) if match else _CHUNK
    if not 0 < size <= MOST_CHUNK:
        raise AsyncFault("InvalidJob", f"PK chunk size must be between 1 and {MOST_CHUNK}")
    return size


def _check_content(call: Call, job: Job) -> None:
    media = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    fitting = {"CSV": ("text/csv",), "JSON": ("application/json",), "XML": ("application/xml", "text/xml")}
    known = {kind: form for form, kinds in fitting.items() for kind in kinds}
    # A query is plain text whatever it is called; rows have to be what the job says.
    if not job.is_query and known.get(media, job.content_type) != job.content_type:
        raise AsyncFault("InvalidBatch", f"Content-Type {media} does not match the job's content type")
    if len(call.raw) > MOST_BYTES:
        raise AsyncFault("InvalidBatch", f"Batch is larger than {MOST_BYTES} bytes")
    if not call.raw.strip():
        raise AsyncFault("InvalidBatch", "Batch is empty")


def _completed(site: Site, job: Job, batch_id: str) -> Batch:
    batch = _jobs(site).get_batch(job, batch_id)
    if batch.state == "Failed":
        raise AsyncFault("InvalidBatch", batch.error)
    if batch.state != "Completed":
        raise AsyncFault("InvalidBatch", f"Batch not completed: {batch.state}")
    return batch


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as handle:
        while piece := handle.read(_PIECE):
            yield piece


def _result_id(batch: Batch) -> str:
    return make_id("752", id_number(batch.id))


def _facts(call: Call) -> dict[str, str]:
    """What a jobInfo says, in JSON or XML; values that are absent or null are left out.

    Raises:
        AsyncFault: It cannot be read.
    """
    if _is_json(call):
        try:
            body = json.loads(call.raw)
        except ValueError as fault:
            raise AsyncFault("InvalidJob", "Unable to parse Job") from fault
        if not isinstance(body, dict):
            raise AsyncFault("InvalidJob", "Unable to parse Job")
        return {name: str(value) for name, value in body.items() if value is not None}
    try:
        root = parsed(call.raw)
    except XmlFault as fault:
        raise AsyncFault("InvalidJob", "Unable to parse Job") from fault
    if local(root.tag) != "jobInfo":
        raise AsyncFault("InvalidJob", "Unable to parse Job")
    return {name: value for name, value in texts(root).items() if value}


def _is_json(call: Call) -> bool:
    return "json" in call.headers.get("content-type", "").lower()


def _form(call: Call, job: Job | None = None) -> str:
    """How a job is answered: as the request is written; a request without a type follows the job."""
    media = call.headers.get("content-type", "").lower()
    if not media and job is not None:
        return _batch_form(job)
    return "JSON" if "json" in media else "XML"


def _batch_form(job: Job) -> str:
    """How batches are answered: JSON jobs in JSON, all others in XML."""
    return "JSON" if job.content_type == "JSON" else "XML"


def _guarded(handler: Handler) -> Handler:
    def guard(site: Site, call: Call) -> Answer:
        try:
            _enter(site, call)
            return handler(site, call)
        except AsyncFault as fault:
            return wire.fault_answer(fault, _fault_form(site, call))

    return guard


def _enter(site: Site, call: Call) -> None:
    """Find the user of the request and count the call.

    Raises:
        AsyncFault: No session, the API is switched off for the user, or the day's calls are used up.
    """
    token = call.headers.get("x-sfdc-session", "") or call.headers.get("authorization", "").partition(" ")[2]
    if not token.strip():
        raise AsyncFault("InvalidSessionId", "Unable to find session id")
    grant = site.tokens.check(token.strip(), site.epoch())
    struck = not call.trainer and site.faults.strikes("expired_session", call.path) is not None
    if grant is None or struck:
        raise AsyncFault("InvalidSessionId", "Invalid session id")
    call.user_id = grant.user_id
    if not _VERSION.match(call.args["version"]):
        raise AsyncFault("InvalidVersion", f"Unsupported API version: {call.args['version']}")
    off = not call.trainer and site.faults.strikes("bulk1_off", call.path) is not None
    if off or not site.session(grant.user_id).access.api_enabled:
        raise AsyncFault("FeatureNotEnabled", "Async API not enabled")
    try:
        site.book(call)
    except OrgFault as fault:
        raise AsyncFault("ExceededQuota", fault.message, fault.status) from fault
    if not call.trainer and site.faults.strikes("server_error", call.path) is not None:
        raise AsyncFault("InternalServerError", "Unexpected exception", 500)


def _fault_form(site: Site, call: Call) -> str:
    """Errors are in JSON for requests in JSON and for jobs in JSON, else in XML."""
    if _is_json(call):
        return "JSON"
    try:
        return _form(call, _jobs(site).get(call.args.get("job", "")))
    except AsyncFault:
        return "XML"


def _job(site: Site, call: Call) -> Job:
    """The job of the address, if it is the user's own or the user may see everybody's."""
    job = _jobs(site).get(call.args["job"])
    if job.user_id != call.user_id and not site.session(call.user_id).access.modify_all:
        raise AsyncFault("InvalidJob", f"Unable to find job: {call.args['job']}")
    return job


def _jobs(site: Site) -> BatchJobs:
    return site.batch_jobs
