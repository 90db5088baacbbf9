"""Has the org say what it would make of a plan: a sample of its rows, sent all-or-none with one row made to fail.

The org validates every row and keeps none of them. The row that is made to fail names a record that cannot exist, so
that no automation can set it right. Whether it does fail is seen before anything else is sent, on every object for the
first time; should a row be kept all the same, the rehearsal stops, deletes it and says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.connections.salesforce import soql
from core.connections.salesforce.composite import ROWS, Op, RowAnswer
from core.errors import PlanError, UsageError
from core.mapping.spec import JobSpec
from core.records import Direction
from core.schema.describe import OrgObject
from core.store import ledger, setting
from core.store.tables import Batch
from core.syncing import apply_out, contracts, firewall
from core.syncing.context import Context
from core.values.ids import to18

SAMPLE = 200
ROLLED_BACK = "ALL_OR_NONE_OPERATION_ROLLED_BACK"
NOBODY = "ZZZZZZZZZZZZ"
"""What follows the key prefix in the Id of a record that cannot exist."""
NOT_SHOWN = (
    "What runs only after a row is saved for good: flows and jobs started afterwards, e-mails, outbound messages.",
    "Limits of Bulk API jobs, and locks that other people's work holds at the time of the run.",
    "What a trigger sends to other systems before the roll-back cannot be called back.",
    "Rows that a person's own login would write are sent by the integration user here.",
)
RESULT: dict[str, Any] = {
    "row": pl.Int64, "key": pl.String, "title": pl.String, "sobject": pl.String, "action": pl.String,
    "verdict": pl.String, "status_code": pl.String, "message": pl.String, "field": pl.String,
}  # fmt: skip
"""``verdict`` is accepted or refused; the other three are the org's own words on a refusal."""


@dataclass(frozen=True)
class Rehearsal:
    """What the org said of a plan's sample; ``rows`` has the columns of `RESULT`."""

    plan_id: str
    rows: pl.DataFrame
    n_planned: int
    api_calls: int
    not_shown: tuple[str, ...] = NOT_SHOWN


def run(ctx: Context, spec: JobSpec, plan_id: str, actor: str, *, sample: int, in_production: bool) -> Rehearsal:
    """Rehearse a kept plan.

    Args:
        ctx: the org.
        spec: the plan's job.
        plan_id: the plan.
        actor: who asks.
        sample: so many rows at most, of every object, action and set of fields some.
        in_production: whether it may be done in an org that is no sandbox.

    Raises:
        UsageError: an inbound plan, or a production org without leave.
        PlanError: writes are paused, or the org does not roll back; what it kept was deleted.
        OrgError: the org refused or did not answer.
    """
    if spec.direction is Direction.INBOUND:
        raise UsageError("Only what goes to the org can be rehearsed there.", hint="Use the preview of the job.")
    if ctx.db.one("SELECT is_paused FROM workspace WHERE id = :w", w=ctx.workspace_id):
        raise PlanError("All writes to the org are paused.", hint="Resume them first.")
    with ctx.gateway.tally() as tally:
        if not in_production and not _is_sandbox(ctx):
            raise UsageError(
                "This org is no sandbox, and rehearsing is off in production.",
                hint="Rehearse in a sandbox, or allow it for this one time: its triggers run, and are rolled back.",
            )
        contracts.check_again(ctx, spec)
        planned = ctx.db.read(
            "SELECT * FROM change WHERE workspace_id = :w AND plan_id = :p AND action IN ('create', 'update', 'delete')"
            " ORDER BY row",
            w=ctx.workspace_id, p=plan_id,
        ).with_columns(pl.col("record_id").cast(pl.Int64))  # fmt: skip
        firewall.check(ctx, spec, plan_id, planned)
        parts = [pl.DataFrame(schema=RESULT)]
        for _, group in sampled(planned, sample).group_by("sobject", "action", maintain_order=True):
            parts += [_rehearsed(ctx, spec, group.slice(at, ROWS - 1)) for at in range(0, group.height, ROWS - 1)]
    told = Rehearsal(plan_id, pl.concat(parts).sort("row"), planned.height, tally.calls)
    refused = told.rows.filter(pl.col("verdict") == "refused").height
    with ctx.db.batch(ctx.workspace_id) as batch:
        detail = f"{told.rows.height} of {planned.height} rows: {refused} would be refused"
        ledger.write(batch, "plan.rehearsed", plan_id, actor=actor, at=ctx.now(), detail=detail)
    return told


def sampled(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most so many rows, some of every object, action and set of fields before more of any."""
    branch = ["sobject", "action", "fields"]
    turn = pl.int_range(pl.len()).over(branch)
    return rows.with_columns(_turn=turn).sort("_turn", "row").head(most).drop("_turn").sort("row")


def _rehearsed(ctx: Context, spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    first = rows.row(0, named=True)
    head = Batch(workspace_id=ctx.workspace_id, run_id="", number=0, sobject=first["sobject"], action=first["action"])
    op, ext = apply_out.operation(ctx, spec, head)
    org = ctx.org(head.sobject)
    poison = poisoned(org, op, ext)
    seen = f"rehearsed:{head.sobject}:{op}"
    if not setting.get(ctx.db, ctx.workspace_id, seen):
        _must_fail(ctx, org, op, ctx.gateway.push(op, org.name, [poison], ext_field=ext, all_or_none=True))
        setting.put(ctx.db, ctx.workspace_id, seen, value=True)
    records = [apply_out.as_record(org, op, ext, r) for r in rows.iter_rows(named=True)]
    answers = ctx.gateway.push(op, org.name, [*records, poison], ext_field=ext, all_or_none=True)
    _must_fail(ctx, org, op, answers)
    told = [
        {**{c: r[c] for c in ("row", "key", "title", "sobject", "action")}, **_verdict(a)}
        for r, a in zip(rows.iter_rows(named=True), answers[:-1], strict=True)
    ]
    return pl.DataFrame(told, schema=RESULT)


def _verdict(answer: RowAnswer) -> dict[str, str]:
    if answer.status_code == ROLLED_BACK:
        return {"verdict": "accepted", "status_code": "", "message": "", "field": ""}
    words = {"status_code": answer.status_code, "message": answer.message, "field": ", ".join(answer.fields)}
    return {"verdict": "refused", **words}


def poisoned(org: OrgObject, op: Op, ext: str | None) -> dict[str, Any]:
    """A row that must fail: it is, or points to, a record that cannot exist.

    Raises:
        UsageError: the object has no field to point with.
    """
    if op in ("update", "delete"):
        return {"Id": to18(f"{org.key_prefix}{NOBODY}")}
    lookup = next((f for f in org.fields if f.name == "OwnerId" and f.createable), None) or next(
        (f for f in org.fields if f.createable and f.type == "reference"), None
    )
    if lookup is None:
        raise UsageError(f"{org.name} has no lookup, so no row of it can be made to fail for certain.")
    key = {ext: "syncline-rehearsal"} if ext else {}
    return {lookup.name: to18(f"005{NOBODY}"), **key}


def _must_fail(ctx: Context, org: OrgObject, op: Op, answers: Sequence[RowAnswer]) -> None:
    """See that the org kept nothing.

    Raises:
        PlanError: it did; what it created was deleted again.
    """
    kept = [a for a in answers if a.success]
    if not kept:
        return
    made = [{"Id": a.id} for a in kept if a.id and (op == "create" or a.created)]
    gone = ctx.gateway.push("delete", org.name, made) if made else []
    left = [str(m["Id"]) for m, a in zip(made, gone, strict=True) if not a.success]
    facts = {"kept": [a.id for a in kept], "left": left}
    with ctx.db.batch(ctx.workspace_id) as batch:
        ledger.write(batch, "rehearsal.kept", org.name, actor="org", at=ctx.now(), values=facts)
    rest = f" {len(left)} of them could not be deleted: {', '.join(left[:20])}." if left else ""
    raise PlanError(
        f"The org kept {len(kept)} rows of the rehearsal instead of rolling them back; {len(made) - len(left)} were"
        f" deleted again.{rest}",
        hint="An automation of the org saves what is refused: do not rehearse here.",
        **facts,
    )


def _is_sandbox(ctx: Context) -> bool:
    (row,) = ctx.gateway.query(soql.select(["IsSandbox"], "Organization"))
    return bool(row.get("IsSandbox"))
