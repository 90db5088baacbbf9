"""What a plan stands on, and whether it still does when the plan is to be applied."""

from __future__ import annotations

import json
from typing import Any

from core.errors import PlanStale
from core.mapping.spec import JobSpec
from core.records import table_of
from core.syncing.context import Context


def of(ctx: Context, spec: JobSpec) -> dict[str, Any]:
    """The ground: fingerprints of mapping and describes, and the workspace's number of change."""
    return {
        "mapping": spec.fingerprint(),
        "describes": {p.sobject: ctx.org(p.sobject).fingerprint() for p in spec.pairs},
        "seq": int(ctx.db.one("SELECT seq FROM workspace WHERE id = :w", w=ctx.workspace_id)),
    }


def check(ctx: Context, spec: JobSpec, plan_id: str, *, fresh: bool) -> None:
    """Refuse a plan whose ground has moved.

    Args:
        ctx: the run's context.
        spec: the job as it is now.
        plan_id: the plan.
        fresh: whether this very run made it; then only a change of the mapping in between counts.

    Raises:
        PlanStale: naming what moved.
    """
    row = ctx.db.read(
        "SELECT ground, status FROM plan WHERE workspace_id = :w AND plan_id = :p", w=ctx.workspace_id, p=plan_id
    )
    if row.is_empty():
        raise PlanStale(f"There is no plan {plan_id}.", hint="Make a new one.")
    ground, status = json.loads(row.item(0, 0)), row.item(0, 1)
    if not fresh and status in ("applied", "discarded", "stale"):
        raise PlanStale(f"The plan was {status} before.", hint="Make a new one.")
    moved = _moved(ctx, spec, plan_id, ground, fresh=fresh)
    if moved:
        ctx.db.execute("UPDATE plan SET status = 'stale' WHERE plan_id = :p", p=plan_id)
        raise PlanStale(f"The plan no longer fits: {'; '.join(moved)}.", hint="Plan again.", moved=moved)


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
    linked = ctx.db.one(
        "SELECT COUNT(*) FROM change c JOIN link l ON l.workspace_id = c.workspace_id AND l.record_id = c.record_id AND"
        " l.table_name = :t AND l.sobject = c.sobject AND l.state = 'active' WHERE c.plan_id = :p AND"
        " c.action = 'create'",
        t=table_of(spec.kind), p=plan_id,
    )  # fmt: skip
    if linked:
        moved.append(f"{linked} of its records were sent by another run")
    return moved


def _records_changed(ctx: Context, spec: JobSpec, plan_id: str, seq: int) -> int:
    table = table_of(spec.kind)
    return int(
        ctx.db.one(
            f"SELECT COUNT(*) FROM change c JOIN {table} r ON r.workspace_id = c.workspace_id AND r.id = c.record_id"  # noqa: S608
            " WHERE c.plan_id = :p AND c.action <> 'none' AND r.seq > :seq",
            p=plan_id,
            seq=seq,
        )
        or 0
    )
