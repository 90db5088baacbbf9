"""Writes what Bulk API 1.0 answers: jobs, batches, results and errors, in JSON, XML or CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from local_org.org.model import SaveResult
from local_org.web.bulk.csvs import error_text
from local_org.web.bulk1.jobs import AsyncFault, Batch, Job
from local_org.web.messages import Answer
from local_org.web.xmls import tag, tags

MEDIA = {"JSON": "application/json", "XML": "application/xml", "CSV": "text/csv"}
"""`Content-Type` by format, without a charset: a client in wide use compares the whole header."""

_SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>'
_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def job_answer(job: Job, batches: Sequence[Batch], form: str, status: int = 200) -> Answer:
    """A job with the counts of its batches, as JSON or XML."""
    return _shown("jobInfo", _job(job, batches, form), form, status)


def batch_answer(batch: Batch, form: str, status: int = 200) -> Answer:
    """One batch."""
    return _shown("batchInfo", _batch(batch, form), form, status)


def batches_answer(batches: Iterable[Batch], form: str) -> Answer:
    """All batches of a job."""
    if form == "JSON":
        return Answer(200, {"batchInfo": [_batch(batch, form) for batch in batches]}, media=MEDIA[form])
    inner = "".join(f"<batchInfo>{tags(_batch(batch, form).items())}</batchInfo>" for batch in batches)
    return xml_answer("batchInfoList", inner)


def fault_answer(fault: AsyncFault, form: str) -> Answer:
    """An error."""
    body = {"exceptionCode": fault.code, "exceptionMessage": fault.message}
    return _shown("error", body, form, fault.status)


def result_ids_answer(ids: Sequence[str], form: str) -> Answer:
    """The Ids under which the results of a query batch are fetched."""
    if form == "JSON":
        return Answer(200, list(ids), media=MEDIA[form])
    return xml_answer("result-list", "".join(tag("result", one) for one in ids))


def xml_answer(root: str, inner: str, status: int = 200) -> Answer:
    """An XML document of Bulk API 1.0."""
    return Answer(status, document(root, inner), media=MEDIA["XML"])


def document(root: str, inner: str) -> bytes:
    """The bytes of an XML document of Bulk API 1.0."""
    return f'{_HEAD}<{root} xmlns="{_SPACE}" {_XSI}>{inner}</{root}>'.encode()


def moment(text: str) -> datetime:
    """The moment that a datetime of REST names."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%f%z")


def iso(value: Any) -> Any:
    """A value of a record as XML carries it: datetimes end in Z."""
    zoned = isinstance(value, str) and len(value) == 28 and value.endswith(".000+0000")
    return value.removesuffix("+0000") + "Z" if zoned else value


def row_results(results: Iterable[SaveResult], operation: str, form: str) -> list[str]:
    """The results of rows, each as the text that stands for it in the whole answer."""
    writer = {"JSON": _json_row, "XML": _xml_row, "CSV": _csv_row}[form]
    return [writer(result, bool(result.created or (result.success and operation == "insert"))) for result in results]


def joined_results(pieces: Iterable[str], form: str) -> bytes:
    """The whole answer out of the texts that `row_results` made."""
    if form == "JSON":
        return f"[{','.join(pieces)}]".encode()
    if form == "XML":
        return document("results", "".join(pieces))
    return ('"Id","Success","Created","Error"\n' + "".join(pieces)).encode()


def _json_row(result: SaveResult, created: bool) -> str:
    errors = [
        {"message": e.message, "fields": e.fields or [], "statusCode": e.code, "extendedErrorDetails": None}
        for e in result.errors
    ]
    shown = {"success": result.success, "created": created, "id": result.id, "errors": errors}
    return json.dumps(shown, ensure_ascii=False, separators=(",", ":"))


def _xml_row(result: SaveResult, created: bool) -> str:
    errors = "".join(
        f"<errors>{''.join(tag('fields', name) for name in e.fields or [])}"
        f"{tag('message', e.message)}{tag('statusCode', e.code)}</errors>"
        for e in result.errors
    )
    facts = tags((("id", result.id), ("success", result.success), ("created", created)))
    return f"<result>{errors}{facts}</result>"


def _csv_row(result: SaveResult, created: bool) -> str:
    out = io.StringIO()
    cells = [result.id or "", _flag(result.success), _flag(created), error_text(result.errors)]
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _shown(root: str, body: dict[str, Any], form: str, status: int) -> Answer:
    if form == "JSON":
        return Answer(status, body, media=MEDIA[form])
    return xml_answer(root, tags(body.items()), status)


def _job(job: Job, batches: Sequence[Batch], form: str) -> dict[str, Any]:
    states = [batch.state for batch in batches]
    took = sum(batch.took_ms for batch in batches)
    saves = not job.is_query
    return {
        "id": job.id,
        "operation": job.operation,
        "object": job.object,
        "createdById": job.user_id,
        "createdDate": _stamp(job.created, form),
        "systemModstamp": _stamp(job.modified, form),
        "state": job.state,
        "externalIdFieldName": job.ext_field or None,
        "assignmentRuleId": job.rule_id or None,
        "concurrencyMode": job.concurrency,
        "contentType": job.content_type,
        "numberBatchesQueued": states.count("Queued"),
        "numberBatchesInProgress": states.count("InProgress"),
        "numberBatchesCompleted": states.count("Completed"),
        "numberBatchesFailed": states.count("Failed"),
        "numberBatchesTotal": len(states),
        "numberRecordsProcessed": sum(batch.processed for batch in batches),
        "numberRetries": 0,
        "apiVersion": float(job.api_version),
        "numberRecordsFailed": sum(batch.failed for batch in batches),
        "totalProcessingTime": took,
        "apiActiveProcessingTime": took if saves else 0,
        "apexProcessingTime": 0,
    }


def _batch(batch: Batch, form: str) -> dict[str, Any]:
    return {
        "id": batch.id,
        "jobId": batch.job_id,
        "state": batch.state,
        "stateMessage": batch.error or None,
        "createdDate": _stamp(batch.created, form),
        "systemModstamp": _stamp(batch.modified, form),
        "numberRecordsProcessed": batch.processed,
        "numberRecordsFailed": batch.failed,
        "totalProcessingTime": batch.took_ms,
        "apiActiveProcessingTime": batch.took_ms,
        "apexProcessingTime": 0,
    }


def _stamp(seconds: int, form: str) -> str:
    zone = "+0000" if form == "JSON" else "Z"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000") + zone
