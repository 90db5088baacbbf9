"""What a plan stands on, and whether it still does when the plan is to be applied."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from core.errors import PlanStale
from core.mapping.spec import JobSpec
from core.planning import plan
from core.planning.conflicts import canonical_text
from core.records import Direction, table_of
from core.syncing import books, capture, plan_out
from core.syncing.context import Context

OVERTAKEN = "The org record changed since the plan was made."
"""Said of rows of a kept plan that would write over what is newer."""
_NOT_DONE = (
    " AND NOT EXISTS (SELECT 1 FROM record_result x JOIN run d ON d.run_id = x.run_id WHERE d.plan_id = c.plan_id"
    " AND x.row = c.row)"
)
"""Of rows ``c`` of a plan those that it has no result for: what it did itself has not moved its ground."""


def of(ctx: Context, spec: JobSpec) -> dict[str, Any]:
    """The ground: fingerprints of mapping and describes, and the workspace's number of change."""
    return {
        "mapping": spec.fingerprint(),
        "describes": {p.sobject: ctx.org(p.sobject).fingerprint() for p in spec.pairs},
        "seq": int(ctx.db.one("SELECT seq FROM workspace WHERE id = :w", w=ctx.workspace_id)),
    }


def check(ctx: Context, spec: JobSpec, plan_id: str, *, fresh: bool) -> None:
    """Refuse a plan whose ground has moved.

    A plan that was kept may be days old: the describes are read again, and rows whose org record has changed since are
    booked as waiting, to be decided anew by the next run; the others are sent.

    Args:
        ctx: the run's context.
        spec: the job as it is now.
        plan_id: the plan.
        fresh: whether this very run made it; then only a change of the mapping in between counts.

    Raises:
        PlanStale: naming what moved.
    """
    row = ctx.db.read(
        "SELECT ground, status, approved_by, guards FROM plan WHERE workspace_id = :w AND plan_id = :p",
        w=ctx.workspace_id,
        p=plan_id,
    )
    if row.is_empty():
        raise PlanStale(f"There is no plan {plan_id}.", hint="Make a new one.")
    ground, status = json.loads(row.item(0, 0)), row.item(0, 1)
    if not fresh and status in ("applied", "discarded", "stale"):
        raise PlanStale(f"The plan was {status} before.", hint="Make a new one.")
    if not fresh:
        capture.refresh_describes(ctx, [p.sobject for p in spec.pairs])
    moved = _moved(ctx, spec, plan_id, ground, fresh=fresh)
    if moved:
        ctx.db.execute("UPDATE plan SET status = 'stale' WHERE plan_id = :p", p=plan_id)
        raise PlanStale(f"The plan no longer fits: {'; '.join(moved)}.", hint="Plan again.", moved=moved)
    goes = bool(row.item(0, 2)) or row.item(0, 3) in (None, "[]")
    if not fresh and goes and spec.direction is Direction.OUTBOUND:
        _set_overtaken_aside(ctx, spec, plan_id)


def _moved(ctx: Context, spec: JobSpec, plan_id: str, ground: dict[str, Any], *, fresh: bool) -> list[str]:
    moved = []
    if ground["mapping"] != spec.fingerprint():
        moved.append("the job's mapping or rules were changed")
    moved += [
        f"{name} has changed in the org"
        for name, fingerprint in ground["describes"].items()
        if ctx.org(name).fingerprint() != fingerprint
    ]
    if fresh:
        return moved
    changed = _records_changed(ctx, spec, plan_id, int(ground["seq"]))
    if changed:
        moved.append(f"{changed} of its records changed in the workspace")
    linked = _linked_meanwhile(ctx, spec, plan_id)
    if linked:
        how = "sent" if spec.direction is Direction.OUTBOUND else "brought in"
        moved.append(f"{linked} of its records were {how} by another run")
    return moved


def _linked_meanwhile(ctx: Context, spec: JobSpec, plan_id: str) -> int:
    """How many of its creates are linked by now: outbound the record to such an object, inbound the org row."""
    same = (
        "l.record_id = c.record_id AND l.sobject = c.sobject"
        if spec.direction is Direction.OUTBOUND
        else "l.org_id = c.org_id"
    )
    return int(
        ctx.db.one(
            "SELECT COUNT(*) FROM change c JOIN link l"  # noqa: S608
            f" ON l.workspace_id = c.workspace_id AND {same} AND l.table_name = :t AND l.state = 'active'"
            f" WHERE c.plan_id = :p AND c.action = 'create'{_NOT_DONE}",
            t=table_of(spec.kind),
            p=plan_id,
        )
        or 0
    )


def _records_changed(ctx: Context, spec: JobSpec, plan_id: str, seq: int) -> int:
    table = table_of(spec.kind)
    return int(
        ctx.db.one(
            f"SELECT COUNT(*) FROM change c JOIN {table} r"  # noqa: S608
            " ON r.workspace_id = c.workspace_id AND r.id = c.record_id"
            f" WHERE c.plan_id = :p AND c.action <> 'none' AND r.seq > :seq{_NOT_DONE}",
            p=plan_id,
            seq=seq,
        )
        or 0
    )


def _set_overtaken_aside(ctx: Context, spec: JobSpec, plan_id: str) -> None:
    """Book the rows that the org has overtaken as waiting: what has a result is not sent."""
    run_id = ctx.db.one(
        "SELECT run_id FROM run WHERE workspace_id = :w AND plan_id = :p AND status = 'running'",
        w=ctx.workspace_id,
        p=plan_id,
    )
    if run_id is None:
        return
    rows = ctx.db.read(
        "SELECT c.* FROM change c WHERE c.workspace_id = :w AND c.plan_id = :p AND c.action IN ('update', 'delete')"
        " AND NOT EXISTS (SELECT 1 FROM record_result x WHERE x.run_id = :r AND x.row = c.row)"
        # A batch that has left is settled by looking for it, and its rows no longer show what was there before.
        " AND NOT EXISTS (SELECT 1 FROM batch b WHERE b.run_id = :r AND b.number = c.batch AND"
        " (b.state <> 'planned' OR b.bulk_job_id IS NOT NULL)) ORDER BY c.row",
        w=ctx.workspace_id, p=plan_id, r=run_id,
    )  # fmt: skip
    overtaken = pl.concat([rows.clear(), *(_overtaken(ctx, spec, part) for _, part in rows.group_by("sobject"))])
    if overtaken.is_empty():
        return
    waiting = overtaken.with_columns(
        pl.col("record_id").cast(pl.Int64),
        outcome=pl.lit("waiting"),
        cause=pl.lit("overtaken"),
        reason=pl.lit(OVERTAKEN),
        is_temporary=pl.lit(value=True),
    )
    with ctx.db.batch(ctx.workspace_id) as batch:
        books.book(batch, spec, run_id, waiting, ctx.now())


def _overtaken(ctx: Context, spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    """Those rows of one object whose ``before`` is no longer what the org has; an update of what is gone, too."""
    org_ids = rows["org_id"].unique(maintain_order=True).to_list()
    now = plan_out.read_org_now(ctx, spec.pair(str(rows.item(0, "sobject"))), org_ids)
    fields = [c for c in now.columns if c not in ("org_id", "_modified_at", "_gone")]
    gone = rows.join(now.filter("_gone"), on="org_id", how="semi")
    theirs = now.filter(~pl.col("_gone")).unpivot(fields, index="org_id", variable_name="field", value_name="theirs")
    before = plan.unfold(rows, "row", "before").join(rows.select("row", "org_id"), on="row")
    both = before.join(theirs, on=["org_id", "field"])
    moved = both.filter(canonical_text(pl.col("theirs")).ne_missing(canonical_text(pl.col("value"))))
    return rows.filter(
        pl.col("row").is_in(moved["row"].to_list())
        | (pl.col("row").is_in(gone["row"].to_list()) & (pl.col("action") == "update"))
    )
