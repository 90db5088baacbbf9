"""Sends an outbound plan batch by batch: intent on disk, one request, then results, links, baselines in one piece."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from core.connections.salesforce.composite import PUSH_ROWS, Op, RowAnswer
from core.errors import AnswerLost, ContractBroken, GrantRejected, OrgError, TerminalOrgError, UsageError
from core.mapping.spec import JobSpec
from core.schema.describe import OrgObject
from core.schema.types import to_json
from core.store.tables import Batch
from core.syncing import bulk_route, contracts, firewall, lanes, outbox, participants, settle
from core.syncing.context import Context
from core.syncing.plan_out import upsert_field

UNREADABLE = (400, 413)
"""Statuses of a whole request that the org could not read: one row of it is to blame, and it wrote none."""


def apply_batch(ctx: Context, spec: JobSpec, run_id: str, number: int) -> bool:
    """Do one batch of the outbox, or go on with one that was begun.

    Returns:
        Whether it is settled; false while the fate of a request is not known, and when the run was asked to stop: then
        the batch is as it was before it was begun.

    Raises:
        TransientOrgError: the org is out of reach or its allowance is used up; nothing was sent.
        TerminalOrgError: the org refuses the connection.
    """
    head = outbox.take(ctx, run_id, number)
    if head.state == "done":
        return True
    login = ctx.logins.open(head.sent_as) if head.sent_as else None
    if login is None:
        return _apply(ctx, spec, head)
    own = replace(ctx, gateway=login[0], integration_user=login[1])
    with own.gateway.tally() as tally:
        try:
            return _apply(own, spec, head)
        except GrantRejected:
            # Nothing was sent by it: the system's own login does it, as for everybody who has linked none.
            outbox.keep(ctx, head, sent_as="")
            return _apply(ctx, spec, head)
        finally:
            ctx.db.execute("UPDATE run SET api_calls = api_calls + :n WHERE run_id = :r", n=tally.calls, r=run_id)


def _apply(ctx: Context, spec: JobSpec, head: Batch) -> bool:
    """Settle what a batch began, and send what is left of it."""
    run_id, number = head.run_id, head.number
    if head.route == "bulk":
        return _by_bulk(ctx, spec, head)
    if head.state in ("intent", "in_doubt") and not settle.settle(ctx, spec, head):
        return False
    rows = outbox.unsent(ctx, run_id, number)
    if rows.height and not _send(ctx, spec, head, rows):
        return False
    if not participants.invite(ctx, head):
        outbox.keep(ctx, head, state="planned")
        return False
    outbox.keep(ctx, head, state="done", done_at=ctx.now())
    return True


def _send(ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame) -> bool:
    """Push rows, those again that the answers say may go, and book the answers.

    Returns:
        Whether all rows have their answers; false when one was lost, or when nothing more is to be written.
    """
    op, ext = operation(ctx, spec, head)
    todo = lanes.Lane(rows).calls()
    while todo:
        lane = todo.pop(0)
        if outbox.is_stopped(ctx, head.run_id):
            # What is left was not written: it has not been sent, or the org refused it.
            outbox.keep(ctx, head, state="planned")
            return False
        if lane.tries > 1:
            ctx.gateway.pause(lane.tries - 2)
        answers = _push(ctx, spec, head, op, ext, lane)
        if answers is None:
            return False
        if not answers:
            todo = lanes.smaller(lane) + todo
            continue
        if contracts.may_be_broken(a.status_code for a in answers if not a.success):
            # Drift in the middle of a run: what was refused for it waits with the rest until the org is mended.
            _stop_at_breach(ctx, spec, head, lane, answers)
        keep, again = lanes.sort_out(lane, answers)
        booked = [a for a, k in zip(answers, keep, strict=True) if k]
        outbox.book_answers(ctx, spec, head, lane.rows.filter(pl.Series(keep, dtype=pl.Boolean)), booked)
        todo += [call for later in again for call in later.calls()]
    return True


def _stop_at_breach(ctx: Context, spec: JobSpec, head: Batch, lane: lanes.Lane, answers: Sequence[RowAnswer]) -> None:
    """Book what was written, and end the run there, if the org has changed under it."""
    try:
        contracts.check_again(ctx, spec)
    except ContractBroken:
        good = pl.Series([a.success for a in answers], dtype=pl.Boolean)
        outbox.book_answers(ctx, spec, head, lane.rows.filter(good), [a for a in answers if a.success])
        outbox.keep(ctx, head, state="planned")
        raise


def _push(
    ctx: Context, spec: JobSpec, head: Batch, op: Op, ext: str | None, lane: lanes.Lane
) -> list[RowAnswer] | None:
    """One call: an answer for each row; none at all where the org could not read it; ``None`` where one was lost."""
    firewall.check(ctx, spec, head.run_id, lane.rows)
    org = ctx.org(head.sobject)
    records = [as_record(org, op, ext, r) for r in lane.rows.iter_rows(named=True)]
    outbox.keep(ctx, head, state="intent", intent_at=ctx.org_now(), given_up_at=None)
    try:
        return ctx.gateway.push(op, head.sobject, records, ext_field=ext, size=lane.size)
    except (OrgError, UsageError) as error:
        if _may_have_arrived(error):
            given_up = error.facts.get("given_up_at") or ctx.gateway.server_now()
            outbox.keep(ctx, head, state="in_doubt", given_up_at=given_up)
            return None
        outbox.keep(ctx, head, state="planned")
        if isinstance(error, GrantRejected):
            raise  # a 400 as well, but of the sign-in: it says nothing of the rows
        if isinstance(error, TerminalOrgError) and error.http in UNREADABLE:
            told = str(error.facts.get("org_message") or error)
            alone = RowAnswer(None, False, status_code=error.status_code or "", message=told, http=error.http)
            return [] if len(records) > 1 else [alone]
        raise
    # Any other exception leaves the batch as it is: what we do not understand may have arrived.


def _may_have_arrived(error: OrgError | UsageError) -> bool:
    """Whether a refused push may have been applied: parts of it are committed one by one, so a 5xx proves nothing."""
    return isinstance(error, AnswerLost) or (isinstance(error, OrgError) and error.http >= 500)


def operation(ctx: Context, spec: JobSpec, head: Batch) -> tuple[Op, str | None]:
    """The gateway's operation for a batch; a create goes out as upsert where the org has a field for our key."""
    if head.action == "create":
        ext = upsert_field(ctx, spec.pair(head.sobject))
        return ("upsert", ext) if ext else ("create", None)
    return ("delete" if head.action == "delete" else "update"), None


def as_record(org: OrgObject, op: Op, ext: str | None, row: dict[str, Any]) -> dict[str, Any]:
    """A change row as the org's JSON takes it."""
    record: dict[str, Any] = {} if op in ("create", "upsert") else {"Id": row["org_id"]}
    if op == "delete":
        return record
    for name, text in json.loads(row["payload"]).items():
        found = org.field(name)
        record[name] = text if found is None or name == ext else to_json(found, text)
    return record


def _by_bulk(ctx: Context, spec: JobSpec, head: Batch) -> bool:
    rows = outbox.unsent(ctx, head.run_id, head.number)
    if rows.height:
        firewall.check(ctx, spec, head.run_id, rows)
        op, ext = operation(ctx, spec, head)
        keep = partial(outbox.keep, ctx, head)
        try:
            told = bulk_route.send(ctx, head, rows, op, ext, keep)
        except AnswerLost:
            return False
        if told is None:
            return False
        _book_bulk(ctx, spec, head, rows, told)
    if not participants.invite(ctx, head):
        return False
    outbox.keep(ctx, head, state="done", done_at=ctx.now())
    return True


def _book_bulk(ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame, told: bulk_route.Told) -> None:
    """Book what a Bulk job came to; rows it did not process were not written and wait for the next run."""
    done = pl.Series([a is not None for a in told.answers], dtype=pl.Boolean)
    answers = [a for a in told.answers if a is not None]
    booked = rows.filter(done)
    for at in range(0, booked.height, PUSH_ROWS * 10):
        part = booked.slice(at, PUSH_ROWS * 10)
        outbox.book_answers(ctx, spec, head, part, answers[at : at + part.height])
    outbox.book_again(ctx, spec, head, rows.filter(~done), "bulk_unprocessed", told.reason)


def settle_late(ctx: Context, spec: JobSpec, run_id: str, number: int) -> None:
    """Look once more for a batch that an ended run left in doubt; what certainly never arrived may be sent again."""
    head = outbox.take(ctx, run_id, number)
    settled = _bulk_settled(ctx, spec, head) if head.route == "bulk" else settle.settle(ctx, spec, head)
    if not settled:
        return
    outbox.free_absent(ctx, spec, head)
    outbox.keep(ctx, head, state="done", done_at=ctx.now())


def _bulk_settled(ctx: Context, spec: JobSpec, head: Batch) -> bool:
    """Book a Bulk job that has ended; one that stands open is ended, for nobody is to start it any more."""
    op, _ = operation(ctx, spec, head)
    rows = outbox.unsent(ctx, head.run_id, head.number)
    told = bulk_route.settle(ctx, head, rows, op)
    if told is None:
        return False
    if rows.height:
        _book_bulk(ctx, spec, head, rows, told)
    return True
