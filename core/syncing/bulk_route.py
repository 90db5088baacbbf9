"""Sends a large batch as one Bulk API 2.0 job that survives a crash at any point.

The job's id is on disk before its rows are uploaded, and rows are written only once it is started. A job that was never
to be started is thrown away and made again; from the moment on at which it may have been started, the batch is in state
``intent``, and the same job is started again, waited for and asked for its results.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import polars as pl

from core.connections.salesforce.composite import Op
from core.connections.salesforce.faults import bulk_error
from core.connections.salesforce.gateway import RowAnswer
from core.connections.salesforce.sheets import absent, to_csv
from core.errors import TerminalOrgError, TransientOrgError
from core.store.tables import Batch
from core.syncing.context import Context
from core.syncing.outbox import is_stopped, linked
from core.values import times

CLOCK_ERROR = timedelta(seconds=5)
"""By so much our idea of the org's time may be wrong."""

Keep = Callable[..., None]


@dataclass(frozen=True)
class Told:
    """What a Bulk job that has ended came to: one answer per row in their order, None where it did not process it."""

    answers: list[RowAnswer | None]
    reason: str = ""


def send(ctx: Context, head: Batch, rows: pl.DataFrame, op: Op, ext: str | None, keep: Keep) -> Told | None:
    """Have the rows written, or go on with a job that was begun before.

    Args:
        ctx: the run's context.
        head: the batch; its ``bulk_job_id`` is the memory of an earlier try.
        rows: change rows.
        op: the gateway's operation.
        ext: External ID field of an upsert.
        keep: writes columns of the batch row to disk.

    Returns:
        ``None`` where the run was asked to stop before the job was started: the job is ended, nothing was written.

    Raises:
        AnswerLost: an answer did not arrive; calling again is safe and goes on with what there is.
        TransientOrgError: the org is out of reach; with the batch in state ``intent`` the job may be going on.
    """
    if head.state == "planned":
        _discard(ctx, head, op, keep)
        job_id = _load(ctx, head, sheet_of(rows, op), op, ext, keep)
        if is_stopped(ctx, head.run_id):
            _discard(ctx, head, op, keep)
            return None
        keep(state="intent", intent_at=ctx.gateway.server_now())
    else:
        job_id = str(head.bulk_job_id)
    _start(ctx, job_id)
    _wait(ctx, job_id)
    return _told(ctx, job_id, rows, op)


def settle(ctx: Context, head: Batch, rows: pl.DataFrame, op: Op) -> Told | None:
    """What became of a job that an ended run left behind; one that nobody has started never will be.

    Returns:
        ``None`` while it is still going on.
    """
    if not head.bulk_job_id:
        return Told([None] * rows.height, "The Bulk job never held any rows.")
    state = ctx.gateway.bulk_state(head.bulk_job_id)
    if state.state == "Open":
        ctx.gateway.bulk_abort(head.bulk_job_id)
        state = ctx.gateway.bulk_state(head.bulk_job_id)
    return _told(ctx, head.bulk_job_id, rows, op) if state.ended else None


def _discard(ctx: Context, head: Batch, op: Op, keep: Keep) -> None:
    """Throw away what an earlier try made but never started: it wrote nothing."""
    if head.bulk_job_id:
        if ctx.gateway.bulk_state(head.bulk_job_id).state == "Open":
            ctx.gateway.bulk_abort(head.bulk_job_id)
        keep(bulk_job_id=None)
    elif head.intent_at is not None:
        _abort_strays(ctx, head, op)


def _abort_strays(ctx: Context, head: Batch, op: Op) -> None:
    """A job whose creation was not answered stands open and empty: end it, but none that is somebody else's."""
    ours = ctx.db.read("SELECT bulk_job_id FROM batch WHERE bulk_job_id IS NOT NULL")["bulk_job_id"].to_list()
    since = (head.intent_at or ctx.gateway.server_now()) - CLOCK_ERROR
    operation = "insert" if op == "create" else op
    for job in ctx.gateway.bulk_open_jobs(mine=ctx.integration_user):
        made = times.parse_instant(job.created_at)
        fits = job.sobject == head.sobject and job.operation == operation and job.id not in ours
        if fits and made is not None and made >= since:
            ctx.gateway.bulk_abort(job.id)


def _load(ctx: Context, head: Batch, sheet: pl.DataFrame, op: Op, ext: str | None, keep: Keep) -> str:
    """A job of our own with all rows in it, not started; its id is on disk.

    Rows can be given to a job once only: where an answer is lost on the way, the next try discards the job.
    """
    keep(intent_at=ctx.org_now())
    job_id = ctx.gateway.bulk_create(op, head.sobject, ext)
    keep(bulk_job_id=job_id)
    ctx.gateway.bulk_upload(job_id, to_csv(sheet))
    return job_id


def _start(ctx: Context, job_id: str) -> None:
    """Start a job that stands open; starting it twice is harmless, since it has one set of rows."""
    if ctx.gateway.bulk_state(job_id).state != "Open":
        return
    try:
        ctx.gateway.bulk_start(job_id)
    except TerminalOrgError:
        # A first start that arrived late makes the second one a mistake; anything else is still open.
        if ctx.gateway.bulk_state(job_id).state == "Open":
            raise


def _wait(ctx: Context, job_id: str) -> None:
    """Wait until the job is over, whatever it came to: a failed job may have written rows too."""
    try:
        ctx.gateway.bulk_wait(lambda: ctx.gateway.bulk_state(job_id))
    except TerminalOrgError:
        if not ctx.gateway.bulk_state(job_id).ended:
            raise


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


def _told(ctx: Context, job_id: str, rows: pl.DataFrame, op: Op) -> Told:
    """Match the results, whose order is not that of the upload, with the rows."""
    state = ctx.gateway.bulk_state(job_id)
    results = ctx.gateway.bulk_results(job_id)
    kinds = ((results.successful, _good), (results.failed, _bad))
    names = sorted({c for f, _ in kinds for c in f.columns if not c.startswith("sf__")})
    # After a crash some rows are booked already: a record that has its link is not given to another row.
    taken = (
        linked(ctx, results.successful["sf__Id"].to_list()) if op == "create" and results.successful.height else set()
    )
    found: dict[str, list[RowAnswer]] = {}
    for frame, build in kinds:
        for row in frame.iter_rows(named=True):
            if row["sf__Id"] not in taken:
                found.setdefault(_key(row, names), []).append(build(row))
    # Equal rows are interchangeable: each takes one of the answers.
    sent = pl.read_csv(to_csv(sheet_of(rows, op)), infer_schema=False).with_columns(pl.all().replace("", None))
    waiting = (found.get(_key(row, names)) for row in sent.iter_rows(named=True))
    answers = [w.pop(0) if w else None for w in waiting]
    if state.state == "JobComplete" and None in answers and not results.unprocessed.height:
        raise TransientOrgError("The Bulk job's results lack rows that were sent.", job_id=job_id, rows=rows.height)
    return Told(answers, f"The Bulk job ended as {state.state}: {state.message or 'it did not come to this row'}.")


def _key(row: dict[str, Any], names: list[str]) -> str:
    return json.dumps([(row.get(n) or "").replace("\r\n", "\n") for n in names])


def _good(row: dict[str, Any]) -> RowAnswer:
    return RowAnswer(row["sf__Id"], success=True, created=row.get("sf__Created") == "true", http=200)


def _bad(row: dict[str, Any]) -> RowAnswer:
    code, message, fields = bulk_error(row.get("sf__Error") or "")
    return RowAnswer(row.get("sf__Id"), success=False, status_code=code, message=message, fields=fields, http=400)
