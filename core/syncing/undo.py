"""Makes the plan that takes a run back: what it wrote, against what both sides hold now."""

from __future__ import annotations

import json

import polars as pl

from core.errors import UsageError
from core.mapping.spec import JobSpec
from core.planning import undo
from core.planning.inbound import PASSENGERS
from core.planning.plan import Planned
from core.records import CONSENT_FIELDS, Direction, table_of
from core.store.database import Batch
from core.syncing import firewall, plan_in, plan_out
from core.syncing.context import Context

NEVER_EDITED = (*PASSENGERS, "external_id")


def plan(ctx: Context, spec: JobSpec, run_id: str) -> tuple[list[Planned], dict[str, int]]:
    """The plan of an undo, and how many rows the run had written.

    Raises:
        UsageError: the run wrote nothing, or its values are not kept any more.
        OrgError: the org did not answer.
    """
    done = _written(ctx, spec, run_id)
    if done.is_empty():
        raise UsageError(
            "There is nothing to undo: the run wrote nothing.", hint="`syncline runs show` lists its rows."
        )
    if spec.direction is Direction.INBOUND:
        planned = _inbound(ctx, spec, done)
    else:
        planned = [_outbound(ctx, spec, str(sobject), part) for (sobject,), part in done.group_by("sobject")]
    return planned, {"undo": done.height}


def _written(ctx: Context, spec: JobSpec, run_id: str) -> pl.DataFrame:
    """What the run has written, row by row, with the present baseline of each record's link."""
    with ctx.db.reading(ctx.workspace_id) as batch:
        rows = batch.read(
            "SELECT x.row, x.record_id, x.org_id, x.sobject, x.key, x.title, c.action, c.payload, c.before"
            " FROM record_result x JOIN run r ON r.run_id = x.run_id JOIN change c ON c.plan_id = r.plan_id"
            " AND c.row = x.row WHERE x.workspace_id = :w AND x.run_id = :r"
            " AND c.action IN ('create', 'update', 'delete') AND x.outcome IN ('created', 'updated', 'deleted')"
            " ORDER BY x.row",
            w=ctx.workspace_id,
            r=run_id,
        ).with_columns(pl.col("row", "record_id").cast(pl.Int64), pl.col("org_id", "payload", "before").cast(pl.String))
        return rows.join(_baselines(batch, spec, rows), on=["record_id", "org_id"], how="left")


def _baselines(batch: Batch, spec: JobSpec, rows: pl.DataFrame) -> pl.DataFrame:
    staged = batch.stage(rows.select("org_id").drop_nulls().unique())
    found = batch.read(
        f"SELECT l.record_id, l.org_id, l.baseline FROM {staged} s JOIN link l ON l.org_id = s.org_id"  # noqa: S608
        " WHERE l.workspace_id = :w AND l.table_name = :t AND l.state = 'active'",
        w=batch.workspace_id,
        t=table_of(spec.kind),
    )
    return found.with_columns(pl.col("record_id").cast(pl.Int64), pl.col("org_id", "baseline").cast(pl.String))


def _outbound(ctx: Context, spec: JobSpec, sobject: str, done: pl.DataFrame) -> Planned:
    org_now = plan_out.read_org_now(ctx, spec.pair(sobject), done["org_id"].unique(maintain_order=True).to_list())
    gone = org_now.select("org_id", is_gone="_gone")
    known = done.join(gone, on="org_id", how="left").with_columns(pl.col("is_gone").fill_null(value=True))
    fields = [c for c in org_now.columns if c not in ("org_id", "_modified_at", "_gone")]
    long = org_now.unpivot(fields, index="org_id", variable_name="field", value_name="now")
    now = done.select("row", "org_id").join(long, on="org_id").select("row", "field", "now")
    # The key that an upsert went by is ours alone, and the org may not show it back.
    key = plan_out.upsert_field(ctx, spec.pair(sobject))
    consents = firewall.guarded(ctx, sobject)
    return Planned(undo.rows(known, now, spec.direction, [key] if key else [], list(consents)))


def _inbound(ctx: Context, spec: JobSpec, done: pl.DataFrame) -> list[Planned]:
    present = plan_in.present_values(ctx, spec.kind, done["record_id"].unique())
    alive = _alive(ctx, spec, done["record_id"])
    known = done.with_columns(is_gone=~pl.col("record_id").is_in(alive))
    fields = [c for c in present.columns if c not in ("record_id", "_updated_at")]
    long = present.unpivot(fields, index="record_id", variable_name="field", value_name="now")
    now = done.select("row", "record_id").join(long, on="record_id").select("row", "field", "now")
    rows = undo.rows(known, now, spec.direction, NEVER_EDITED, CONSENT_FIELDS)
    return [Planned(rows.with_columns(_forgotten(spec, rows), extra=pl.lit("{}")))]


def _alive(ctx: Context, spec: JobSpec, record_ids: pl.Series) -> list[int]:
    with ctx.db.reading(ctx.workspace_id) as batch:
        staged = batch.stage(pl.DataFrame({"id": record_ids}, schema={"id": pl.Int64}).unique())
        found = batch.read(
            f"SELECT r.id FROM {table_of(spec.kind)} r JOIN {staged} s ON s.id = r.id"  # noqa: S608
            " WHERE r.workspace_id = :w AND r.deleted_at IS NULL",
            w=ctx.workspace_id,
        )
    return [int(i) for i in found["id"]]


def _forgotten(spec: JobSpec, rows: pl.DataFrame) -> pl.Series:
    """The baselines without what is taken back: on that the two sides agree no longer, and nothing is sent for it."""
    out = []
    for sobject, base, payload in rows.select("sobject", "baseline", "payload").iter_rows():
        sources = {m.target: m.source for m in spec.pair(sobject).mappings} if payload else {}
        taken = {sources.get(f) for f in json.loads(payload or "{}")}
        kept = {k: v for k, v in json.loads(base).items() if k not in taken} if base else None
        out.append(None if kept is None else json.dumps(kept, ensure_ascii=False, separators=(",", ":")))
    return pl.Series("baseline", out, dtype=pl.String)
