"""The outbox: batches written before they are sent, and the booking of what the org answered."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import polars as pl
from sqlmodel import col, select

from core.connections.salesforce import faults
from core.connections.salesforce.gateway import RowAnswer
from core.errors import BatchTaken
from core.mapping.spec import JobSpec
from core.records import table_of
from core.store import ledger, links, runs
from core.store.codec import dumps
from core.store.database import Batch as Transaction
from core.store.records import save_records
from core.store.tables import Batch, Run, Workspace
from core.syncing import books, spill
from core.syncing.context import Context

BEFORE = timedelta(minutes=2)
"""Stamps are whole seconds and clocks differ: look from this long before the intent."""
CONVERTED = "CANNOT_UPDATE_CONVERTED_LEAD"
MOVES_ON = "Its lead was converted in the org: it goes to the contact as soon as the link has followed."
"""Said of rows whose lead the org no longer takes: like others that wait for a parent they go by themselves."""


def take(ctx: Context, run_id: str, number: int) -> Batch:
    """One batch's row of the outbox, taken over: whoever worked on it until now can no longer send it.

    On PostgreSQL a worker that lost its database session counts as dead and may still be running. The token that is
    written here is asked for in every later write to the row, the last of them right before rows leave.
    """
    holder = secrets.token_hex(8)
    ctx.db.execute(
        "UPDATE batch SET holder = :h WHERE run_id = :r AND number = :n AND workspace_id = :w",
        h=holder, r=run_id, n=number, w=ctx.workspace_id,
    )  # fmt: skip
    with ctx.db.session() as session:
        return session.exec(select(Batch).where(Batch.run_id == run_id, Batch.number == number)).one()


def unsent(ctx: Context, run_id: str, number: int) -> pl.DataFrame:
    """The rows of a batch that have no result yet, or one that is in doubt."""
    rows = ctx.db.read(
        "SELECT c.* FROM change c JOIN run r ON r.plan_id = c.plan_id WHERE r.run_id = :r AND c.batch = :n"
        " AND NOT EXISTS (SELECT 1 FROM record_result x WHERE x.run_id = :r AND x.row = c.row AND"
        " x.outcome <> 'in_doubt')"
        " ORDER BY c.row",
        r=run_id,
        n=number,
    )
    return rows.with_columns(pl.col("record_id").cast(pl.Int64))


def is_stopped(ctx: Context, run_id: str) -> bool:
    """Whether somebody has asked meanwhile that nothing more be written: the run is canceled, or writing is paused."""
    with ctx.db.session() as session:
        return session.get_one(Run, run_id).is_cancel_asked or session.get_one(Workspace, ctx.workspace_id).is_paused


def open_creates(ctx: Context, sobject: str) -> list[Batch]:
    """Batches of creates, of whatever job, that may have left and are not booked."""
    with ctx.db.session() as session:
        found = session.exec(
            select(Batch).where(
                Batch.workspace_id == ctx.workspace_id,
                Batch.sobject == sobject,
                Batch.action == "create",
                col(Batch.state).in_(["intent", "in_doubt"]),
            )
        )
        return list(found.all())


def in_flight_since(ctx: Context, sobject: str) -> datetime | None:
    """Org time from which on a record of our own making may be one of a batch that is not booked."""
    begun = [b.intent_at for b in open_creates(ctx, sobject) if b.intent_at is not None]
    return min(begun) - BEFORE if begun else None


def linked(ctx: Context, org_ids: list[str], *, copies: bool = False) -> set[str]:
    """Those of the org records that have a link, active or not; ``copies`` counts links of copies made inbound too."""
    with ctx.db.reading(ctx.workspace_id) as batch:
        staged = batch.stage(pl.DataFrame({"org_id": org_ids}, schema={"org_id": pl.String}))
        frame = batch.read(
            f"SELECT l.org_id FROM link l JOIN {staged} s ON s.org_id = l.org_id WHERE l.workspace_id = :w"  # noqa: S608
            + ("" if copies else " AND l.how <> 'created_in'"),
            w=ctx.workspace_id,
        )
    return set(frame["org_id"].to_list())


def keep(ctx: Context, head: Batch, **values: Any) -> None:
    """Write columns of a batch to disk, and to the object in hand.

    Raises:
        BatchTaken: another worker has taken the batch over; nothing was written.
    """
    sets = ", ".join(f"{name} = :{name}" for name in values)
    touched = ctx.db.execute(
        f"UPDATE batch SET {sets} WHERE run_id = :run AND number = :n AND holder = :h",  # noqa: S608
        {**values, "run": head.run_id, "n": head.number, "h": head.holder},
    )
    if not touched:
        raise BatchTaken(run_id=head.run_id, number=head.number)
    for name, value in values.items():
        setattr(head, name, value)


def book_answers(
    ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame, answers: Sequence[RowAnswer], how: str = "created_out"
) -> None:
    """Results, links, baselines and open rows of answered rows, in one transaction."""
    if rows.is_empty():
        return
    now = ctx.now()
    judged = _judged(rows, answers)
    with ctx.db.batch(ctx.workspace_id) as batch:
        good = judged.filter(pl.col("is_written") & pl.col("action").is_in(["create", "update"]))
        _link(batch, spec, head.run_id, good, now, how)
        spill.keep_notes(batch, spec, good, now)
        gone = judged.filter(pl.col("outcome") == "deleted")
        if gone.height:
            staged = batch.stage(gone.select("org_id"))
            batch.execute(
                "UPDATE link SET state = 'deleted', updated_at = :at WHERE workspace_id = :w AND state = 'active'"  # noqa: S608
                f" AND org_id IN (SELECT org_id FROM {staged})",
                at=now,
                w=batch.workspace_id,
            )
        books.book(batch, spec, head.run_id, judged, now)
        runs.refresh_counts(batch, head.run_id)


def _judged(rows: pl.DataFrame, answers: Sequence[RowAnswer]) -> pl.DataFrame:
    told = pl.DataFrame(
        [_told(r, a) for r, a in zip(rows.iter_rows(named=True), answers, strict=True)],
        schema={
            "outcome": pl.String,
            "cause": pl.String,
            "reason": pl.String,
            "field": pl.String,
            "status_code": pl.String,
            "answer": pl.String,
            "is_temporary": pl.Boolean,
            "is_written": pl.Boolean,
            "new_id": pl.String,
        },
    )
    kept = rows.drop("outcome", "cause", "reason", "field").hstack(told)
    return kept.with_columns(
        org_id=pl.coalesce("org_id", "new_id"), request=pl.col("payload"), batch=pl.col("batch").cast(pl.Int64)
    )


def _told(row: dict[str, Any], answer: RowAnswer) -> dict[str, Any]:
    said = dumps({k: v for k, v in asdict(answer).items() if v not in ((), "", None)})
    if answer.success:
        # A row may be held and yet have passed its opt-out: then it stays held, for the same reason.
        kept = {c: row[c] for c in ("outcome", "cause", "reason", "field")}
        return {**kept, "status_code": "", "answer": said, "is_temporary": False, "is_written": True,
                "new_id": answer.id}  # fmt: skip
    fault = faults.fault(answer.status_code)
    if answer.status_code == CONVERTED:
        refused = {"outcome": "waiting", "cause": "parent", "reason": MOVES_ON}
    else:
        refused = {"outcome": "rejected", "cause": answer.status_code or "UNKNOWN", "reason": answer.message}
    return {
        **refused,
        "field": ", ".join(answer.fields),
        "status_code": answer.status_code,
        "answer": said,
        "is_temporary": fault.retryable,
        "is_written": False,
        "new_id": None,
    }


def _link(batch: Transaction, spec: JobSpec, run_id: str, rows: pl.DataFrame, now: datetime, how: str) -> None:
    if rows.is_empty():
        return
    _give_up_copies(batch, spec, run_id, rows.filter(pl.col("action") == "create"), now)
    have = links.of_org(batch, rows["org_id"])
    old = rows.join(have.select("org_id"), on="org_id", how="semi")
    if old.height:
        staged = batch.stage(old.select("org_id", "baseline"))
        batch.execute(
            f"UPDATE link SET baseline = s.baseline, updated_at = :at FROM {staged} AS s"  # noqa: S608
            " WHERE link.workspace_id = :w AND link.state = 'active' AND link.org_id = s.org_id",
            at=now,
            w=batch.workspace_id,
        )
    new = rows.join(have.select("org_id"), on="org_id", how="anti")
    _add_links(batch, spec, run_id, new.with_columns(how=pl.lit(how)), now)


def _add_links(batch: Transaction, spec: JobSpec, run_id: str, rows: pl.DataFrame, now: datetime) -> None:
    """Links of rows with ``how``; where the org's record was there already, what it was found by is the evidence."""
    by = pl.col("extra").str.json_path_match("$.matched_by")
    met = (pl.col("action") != "create") & by.is_not_null()
    links.add(
        batch,
        rows.select(
            "record_id", "org_id", "sobject", "baseline",
            how=pl.when(met).then(pl.lit("matched")).otherwise("how"),
            evidence=pl.when(met).then(by).otherwise(pl.lit("")),
        ).with_columns(
            table_name=pl.lit(table_of(spec.kind)), job=pl.lit(spec.name), run_id=pl.lit(run_id),
            created_at=pl.lit(now), updated_at=pl.lit(now),
        ),
    )  # fmt: skip


def _give_up_copies(batch: Transaction, spec: JobSpec, run_id: str, made: pl.DataFrame, now: datetime) -> None:
    """Take back links of what we have just made to other records; a copy that came in meanwhile is closed.

    Inbound leaves our own creations alone until they are booked; this holds should one have slipped through.
    """
    if made.is_empty():
        return
    staged = batch.stage(made.select("org_id", ours=pl.col("record_id").cast(pl.Int64)))
    wrong = batch.read(
        "SELECT l.id, l.table_name, l.record_id, l.how, l.org_id, s.ours FROM link l"  # noqa: S608
        f" JOIN {staged} s ON s.org_id = l.org_id WHERE l.workspace_id = :w AND l.state = 'active'"
        " AND l.record_id <> s.ours",
        w=batch.workspace_id,
    )
    if wrong.is_empty():
        return
    batch.execute(
        "UPDATE link SET state = 'superseded', updated_at = :at WHERE workspace_id = :w"  # noqa: S608
        f" AND id IN (SELECT id FROM {batch.stage(wrong.select(pl.col('id').cast(pl.Int64)))})",
        at=now,
        w=batch.workspace_id,
    )
    copies = wrong.filter((pl.col("how") == "created_in") & (pl.col("table_name") == table_of(spec.kind)))
    closed = copies.select(id=pl.col("record_id").cast(pl.Int64)).unique()
    save_records(batch, table_of(spec.kind), closed.with_columns(deleted_at=pl.lit(now), updated_at=pl.lit(now)))
    for org_id, copy, ours in copies.select("org_id", "record_id", "ours").iter_rows():
        detail = f"Record {copy} was a copy of record {ours}, which had been sent from here; it was closed."
        ledger.write(batch, "copy.closed", str(org_id), actor="worker", at=now, run_id=run_id, detail=detail)


def refresh_baselines(ctx: Context, spec: JobSpec, run_id: str) -> None:
    """Record what both sides were found to agree on, so that the org need not be asked about it again."""
    with ctx.db.batch(ctx.workspace_id) as batch:
        met = batch.read(
            "SELECT c.record_id, c.org_id, c.sobject, c.baseline, c.extra, c.action FROM change c JOIN run r ON"
            " r.plan_id = c.plan_id WHERE r.run_id = :r AND c.action = 'none' AND c.outcome = 'unchanged'"
            " AND c.extra LIKE '%matched_by%' AND NOT EXISTS (SELECT 1 FROM link l WHERE l.workspace_id ="
            " c.workspace_id AND l.org_id = c.org_id AND l.state = 'active')",
            r=run_id,
        )
        _add_links(batch, spec, run_id, met.with_columns(how=pl.lit("matched")), ctx.now())
        batch.execute(
            "UPDATE link SET baseline = c.baseline, updated_at = :at FROM change AS c JOIN run AS r ON"
            " r.plan_id = c.plan_id"
            " WHERE r.run_id = :r AND c.action = 'none' AND c.outcome = 'unchanged' AND c.baseline IS NOT NULL"
            " AND link.workspace_id = c.workspace_id AND link.org_id = c.org_id AND link.state = 'active'",
            at=ctx.now(),
            r=run_id,
        )


def free_absent(ctx: Context, spec: JobSpec, head: Batch) -> None:
    """Let rows that certainly never arrived be sent again by the next plan."""
    rows = unsent(ctx, head.run_id, head.number)
    book_again(ctx, spec, head, rows, "not_arrived", "The org never got it; it is sent again.", at_once=True)


def book_again(
    ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame, cause: str, reason: str, *, at_once: bool = False
) -> None:
    """Rows that certainly were not written wait for a later run, which plans them anew."""
    if rows.is_empty():
        return
    now = ctx.now()
    waiting = rows.with_columns(
        outcome=pl.lit("waiting"), cause=pl.lit(cause), reason=pl.lit(reason), is_temporary=pl.lit(value=True)
    )
    with ctx.db.batch(ctx.workspace_id) as batch:
        books.book(batch, spec, head.run_id, waiting, now)
        if at_once:
            staged = batch.stage(rows.select(subject=pl.col("record_id").cast(pl.String)))
            batch.execute(
                "UPDATE open_row SET retry_at = :now WHERE workspace_id = :w AND job = :j"  # noqa: S608
                f" AND subject IN (SELECT subject FROM {staged})",
                now=now,
                w=batch.workspace_id,
                j=spec.name,
            )
        runs.refresh_counts(batch, head.run_id)
