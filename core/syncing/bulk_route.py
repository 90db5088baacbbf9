"""Sends a large batch as one Bulk API 2.0 job that survives a crash at any point.

The job's id is on disk before its rows are uploaded, and rows are written only once it is started: so a job that is
found open after a crash is thrown away and made again, and one that was started is asked for its results.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import polars as pl

from core.connections.salesforce.composite import Op
from core.connections.salesforce.faults import bulk_error
from core.connections.salesforce.gateway import RowAnswer
from core.connections.salesforce.sheets import absent, to_csv
from core.errors import AnswerLost, TransientOrgError
from core.store.tables import Batch
from core.syncing.context import Context

Keep = Callable[..., None]


def send(ctx: Context, head: Batch, rows: pl.DataFrame, op: Op, ext: str | None, keep: Keep) -> list[RowAnswer]:
    """Answers for all rows, in their order.

    Args:
        ctx: the run's context.
        head: the batch; its ``bulk_job_id`` is the memory of an earlier try.
        rows: change rows.
        op: the gateway's operation.
        ext: External ID field of an upsert.
        keep: writes columns of the batch row to disk.
    """
    sheet = sheet_of(rows, op)
    gateway = ctx.gateway
    if head.bulk_job_id and gateway.bulk_state(head.bulk_job_id).state == "Open":
        gateway.bulk_abort(head.bulk_job_id)
        head.bulk_job_id = None
    if not head.bulk_job_id:
        job_id = _create(ctx, head, op, ext)
        keep(bulk_job_id=job_id)
        gateway.bulk_upload(job_id, to_csv(sheet))
        keep(state="intent", intent_at=gateway.server_now())
        _start(ctx, job_id)
    job_id = str(head.bulk_job_id)
    gateway.bulk_wait(lambda: gateway.bulk_state(job_id))
    return _answers(ctx, job_id, rows, sheet)


def _create(ctx: Context, head: Batch, op: Op, ext: str | None) -> str:
    try:
        return ctx.gateway.bulk_create(op, head.sobject, ext)
    except AnswerLost:
        # A job may stand open; it holds no rows and is thrown away, so that nobody starts it by mistake.
        for job in ctx.gateway.bulk_open_jobs(mine=ctx.integration_user):
            if job.sobject == head.sobject:
                ctx.gateway.bulk_abort(job.id)
        return ctx.gateway.bulk_create(op, head.sobject, ext)


def _start(ctx: Context, job_id: str) -> None:
    try:
        ctx.gateway.bulk_start(job_id)
    except AnswerLost:
        # Starting twice is harmless: the job has one set of rows. Its state tells whether the first one arrived.
        if ctx.gateway.bulk_state(job_id).state == "Open":
            ctx.gateway.bulk_start(job_id)


def sheet_of(rows: pl.DataFrame, op: Op) -> pl.DataFrame:
    """The upload: text columns and, where rows leave a field alone, companions that say so."""
    if op == "delete":
        return rows.select(Id="org_id")
    names = sorted({n for t in rows["fields"].drop_nulls() for n in t.split(",") if n})
    payloads: list[dict[str, str | None]] = [json.loads(t) for t in rows["payload"]]
    columns: dict[str, pl.Series] = {} if op in ("create", "upsert") else {"Id": rows["org_id"]}
    for name in names:
        columns[name] = pl.Series([p.get(name) for p in payloads], dtype=pl.String)
        columns[absent(name)] = pl.Series([name not in p for p in payloads], dtype=pl.Boolean)
    return pl.DataFrame(columns)


def _answers(ctx: Context, job_id: str, rows: pl.DataFrame, sheet: pl.DataFrame) -> list[RowAnswer]:
    results = ctx.gateway.bulk_results(job_id)
    names = [c for c in sheet.columns if "::" not in c]
    found: dict[str, list[RowAnswer]] = {}
    for frame, build in ((results.successful, _good), (results.failed, _bad), (results.unprocessed, _idle)):
        for row in frame.iter_rows(named=True):
            found.setdefault(_key(row, names), []).append(build(row))
    answers = []
    sent = pl.read_csv(to_csv(sheet), infer_schema=False).with_columns(pl.all().replace("", None))
    for row in sent.iter_rows(named=True):
        waiting = found.get(_key(row, names))
        if not waiting:
            raise TransientOrgError("The Bulk job's results lack rows that were sent.", job_id=job_id, rows=rows.height)
        # Equal rows are interchangeable: each takes one of the answers.
        answers.append(waiting.pop(0))
    return answers


def _key(row: dict[str, Any], names: list[str]) -> str:
    return json.dumps([(row.get(n) or "").replace("\r\n", "\n") for n in names])


def _good(row: dict[str, Any]) -> RowAnswer:
    return RowAnswer(row["sf__Id"], success=True, created=row.get("sf__Created") == "true", http=200)


def _bad(row: dict[str, Any]) -> RowAnswer:
    code, message, fields = bulk_error(row.get("sf__Error") or "")
    return RowAnswer(row.get("sf__Id"), success=False, status_code=code, message=message, fields=fields, http=400)


def _idle(_row: dict[str, Any]) -> RowAnswer:
    return RowAnswer(
        None, success=False, status_code="UNABLE_TO_LOCK_ROW", message="The Bulk job did not come to it.", http=400
    )
