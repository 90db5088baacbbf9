"""The outbox: batches written before they are sent, and the booking of what the org answered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import polars as pl
from sqlmodel import select

from core.connections.salesforce import faults
from core.connections.salesforce.gateway import RowAnswer
from core.mapping.spec import JobSpec
from core.records import table_of
from core.store import links, runs
from core.store.codec import dumps
from core.store.database import Batch as Transaction
from core.store.tables import Batch
from core.syncing import books
from core.syncing.context import Context


def load(ctx: Context, run_id: str, number: int) -> Batch:
    """One batch's row of the outbox."""
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


def linked(ctx: Context, org_ids: list[str]) -> set[str]:
    """Those of the org records that have a link, active or not."""
    with ctx.db.reading(ctx.workspace_id) as batch:
        staged = batch.stage(pl.DataFrame({"org_id": org_ids}, schema={"org_id": pl.String}))
        frame = batch.read(
            f"SELECT l.org_id FROM link l JOIN {staged} s ON s.org_id = l.org_id WHERE l.workspace_id = :w",  # noqa: S608
            w=ctx.workspace_id,
        )
    return set(frame["org_id"].to_list())


def keep(ctx: Context, head: Batch, **values: Any) -> None:
    """Write columns of a batch to disk, and to the object in hand."""
    with ctx.db.writing() as session:
        row = session.exec(select(Batch).where(Batch.run_id == head.run_id, Batch.number == head.number)).one()
        for name, value in values.items():
            setattr(row, name, value)
            setattr(head, name, value)
        session.commit()


def book_answers(
    ctx: Context, spec: JobSpec, head: Batch, rows: pl.DataFrame, answers: Sequence[RowAnswer], how: str = "created_out"
) -> None:
    """Results, links, baselines and open rows of answered rows, in one transaction."""
    if rows.is_empty():
        return
    now = ctx.now()
    judged = _judged(rows, answers)
    with ctx.db.batch(ctx.workspace_id) as batch:
        good = judged.filter(pl.col("outcome").is_in(["created", "updated"]))
        _link(batch, spec, head.run_id, good, now, how)
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
        [_told(r["action"], r["outcome"], a) for r, a in zip(rows.iter_rows(named=True), answers, strict=True)],
        schema={
            "outcome": pl.String,
            "cause": pl.String,
            "reason": pl.String,
            "field": pl.String,
            "status_code": pl.String,
            "answer": pl.String,
            "is_temporary": pl.Boolean,
            "new_id": pl.String,
        },
    )
    kept = rows.drop("outcome", "cause", "reason", "field").hstack(told)
    return kept.with_columns(
        org_id=pl.coalesce("org_id", "new_id"), request=pl.col("payload"), batch=pl.col("batch").cast(pl.Int64)
    )


def _told(action: str, planned: str, answer: RowAnswer) -> dict[str, Any]:
    said = dumps({k: v for k, v in asdict(answer).items() if v not in ((), "", None)})
    if answer.success:
        outcome = "updated" if action == "create" and not answer.created and planned == "updated" else planned
        return {"outcome": outcome, "cause": "", "reason": None, "field": "", "status_code": "", "answer": said,
                "is_temporary": False, "new_id": answer.id}  # fmt: skip
    fault = faults.fault(answer.status_code)
    return {
        "outcome": "rejected",
        "cause": answer.status_code or "UNKNOWN",
        "reason": answer.message,
        "field": ", ".join(answer.fields),
        "status_code": answer.status_code,
        "answer": said,
        "is_temporary": fault.retryable,
        "new_id": None,
    }


def _link(batch: Transaction, spec: JobSpec, run_id: str, rows: pl.DataFrame, now: datetime, how: str) -> None:
    if rows.is_empty():
        return
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
    links.add(
        batch,
        new.select("record_id", "org_id", "sobject", "baseline").with_columns(
            table_name=pl.lit(table_of(spec.kind)), how=pl.lit(how), evidence=pl.lit(""), job=pl.lit(spec.name),
            run_id=pl.lit(run_id), created_at=pl.lit(now), updated_at=pl.lit(now),
        ),
    )  # fmt: skip


def refresh_baselines(ctx: Context, run_id: str) -> None:
    """Record what both sides were found to agree on, so that the org need not be asked about it again."""
    with ctx.db.batch(ctx.workspace_id) as batch:
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
