"""Compares the records of a job field by field with the org as it is now, and says why they differ."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from core.connections.salesforce import frames, soql
from core.errors import OrgError
from core.mapping.compile import Compiled
from core.mapping.compile import inbound as compile_inbound
from core.mapping.compile import outbound as compile_outbound
from core.mapping.spec import Blank, JobSpec, PairSpec
from core.planning import inbound, outbound, plan
from core.records import ACTIVITY_KINDS, Direction, table_of
from core.schema.describe import OrgObject
from core.store.codec import INSTANT
from core.store.records import load_records
from core.syncing import barred, capture, mismatch, plan_in, plan_out, rulings, select
from core.syncing.context import Context

COLUMNS: dict[str, Any] = {
    "key": pl.String,
    "title": pl.String,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "sobject": pl.String,
    "field": pl.String,
    "workspace": pl.String,
    "org": pl.String,
    "baseline": pl.String,
    "cause": pl.String,
    "workspace_at": INSTANT,
    "org_at": INSTANT,
}
MOST_NEW = 2000
"""So many org records at most are listed as not yet synced: one page of a query."""
_HEAD = (
    pl.col("local_id").alias("record_id"),
    pl.col("_key").alias("key"),
    pl.col("_title").alias("title"),
    pl.col("updated_at").alias("workspace_at"),
)
_NO_SUCH_FIELD = "INVALID_FIELD"
_STAMP = "%Y-%m-%dT%H:%M:%S%#z"


@dataclass(frozen=True)
class Comparison:
    """What a comparison looked at and found."""

    differing: pl.DataFrame
    """Columns are those of `COLUMNS`."""
    records: int
    """Linked records that were compared."""
    compared: int
    """Their fields, each counted once a record."""
    equal: int
    """Those of them that are the same on both sides."""
    api_calls: int


def compare(ctx: Context, spec: JobSpec) -> pl.DataFrame:
    """The fields in which a job's records differ between workspace and org now; equal ones are not listed.

    Only fields that the job would write are compared: one that it fills on creation only, or whose empty source leaves
    the target alone, is no difference. The org is read live, 2,000 records a call where the mapping names no field of a
    related record, else some hundreds.

    Returns:
        ``key`` (external id, or org Id), ``title``, ``record_id``, ``org_id``, ``sobject``, ``field`` (of the side that
        the job writes; empty where the whole record is meant), ``workspace``, ``org``, ``baseline`` (what both last
        agreed on) as canonical text of that side, ``cause`` (one of `core.syncing.mismatch.CAUSES`), ``workspace_at``
        and ``org_at`` (when each side last changed the record); worst cause first.

    Raises:
        OrgError: the org did not answer.
    """
    return look(ctx, spec).differing


def look(ctx: Context, spec: JobSpec) -> Comparison:
    """The same with the totals that say how much was looked at."""
    try:
        return _look(ctx, spec)
    except OrgError as error:
        if error.status_code != _NO_SUCH_FIELD:
            raise
    # A field was hidden or removed since the org was last described: seen as it is now, that is one of the causes.
    capture.refresh_describes(ctx, [p.sobject for p in spec.pairs])
    return _look(ctx, spec)


def _look(ctx: Context, spec: JobSpec) -> Comparison:
    with ctx.gateway.tally() as tally:
        if spec.direction is Direction.OUTBOUND:
            parts = _outbound_parts(ctx, spec)
        else:
            parts = [_inbound(ctx, spec, pair) for pair in spec.pairs]
    long = pl.concat([p[0] for p in parts])
    whole = pl.concat([p[1] for p in parts])
    found = mismatch.differing(long)
    rank = pl.col("cause").replace_strict({c: i for i, c in enumerate(mismatch.CAUSES)}, return_dtype=pl.Int64)
    listed = pl.concat([_shaped(found), whole]).sort(rank, "key", "field")
    return Comparison(listed, long["record_id"].n_unique(), long.height, long.height - found.height, tally.calls)


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    have = set(frame.columns)
    return frame.select(pl.col(c).cast(t) if c in have else pl.lit(None, dtype=t).alias(c) for c, t in COLUMNS.items())


LONG: dict[str, Any] = {
    **{k: v for k, v in COLUMNS.items() if k != "cause"},
    "has_base": pl.Boolean,
    "is_touched": pl.Boolean,
    "form": pl.String,
    "length": pl.Int64,
    "barred": pl.String,
}


def _long(frame: pl.DataFrame, compiled: Compiled, names: dict[str, str]) -> pl.DataFrame:
    """The rows as `mismatch` wants them; ``names`` are the fields that cannot be carried, as `barred` tells them."""
    forms = {c.target.name: c.target.form.value for c in compiled.columns}
    lengths = {c.target.name: c.target.length for c in compiled.columns}
    return (
        barred.marked(frame, names)
        .with_columns(
            form=pl.col("field").replace_strict(forms, default="text", return_dtype=pl.String),
            length=pl.col("field").replace_strict(lengths, default=0, return_dtype=pl.Int64),
        )
        .select(pl.col(c).cast(t) for c, t in LONG.items())
    )


def _whole(frame: pl.DataFrame, cause: str) -> pl.DataFrame:
    """Rows for records of which one side is missing."""
    return _shaped(frame.with_columns(field=pl.lit(""), cause=pl.lit(cause)))


# -- outbound


def _outbound_parts(ctx: Context, spec: JobSpec) -> list[tuple[pl.DataFrame, pl.DataFrame]]:
    kinds = (spec.kind.value,) if spec.kind in ACTIVITY_KINDS else ()
    records = load_records(ctx.db, ctx.workspace_id, table_of(spec.kind), kinds=kinds)
    alive = records.filter(pl.col("deleted_at").is_null())
    return [_outbound(ctx, spec, pair, rows) for pair, rows in select.by_pair(ctx, spec, alive)]


def _outbound(ctx: Context, spec: JobSpec, pair: PairSpec, records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    org = ctx.org(pair.sobject)
    if records.is_empty():
        return pl.DataFrame(schema=LONG), pl.DataFrame(schema=COLUMNS)
    rows = plan_out.planning_rows(ctx, spec, records)
    ground = select.ground(ctx, spec, pair, rows, rulings.of(ctx, spec))
    resolved = outbound.resolve(spec, pair, rows.drop(plan_out.RESOLVED, strict=False), ground)
    if spec.zone != "owner":
        resolved = resolved.drop("row_zone")
    compiled = compile_outbound(spec, pair, org, zone=plan_out.zone_of(ctx, spec))
    mapped = compiled.apply(resolved)
    verdicts = outbound.held_by_mapping(spec, resolved, mapped)
    new = verdicts.filter(pl.col("_outcome").is_null() & pl.col("is_create"))
    linked = resolved.filter(~pl.col("is_create"))
    heads = _heads(ctx, spec, linked.select(*_HEAD, "org_id", "baseline"))
    org_now = plan_out.read_org_now(ctx, pair, linked["org_id"].unique().to_list())
    gone = heads.join(org_now.filter("_gone"), on="org_id", how="semi")
    there = heads.join(gone, on="org_id", how="anti")
    mapped = plan_out.without_filled(compiled, mapped, there.rename({"record_id": "local_id"}), org_now)
    long = _long(_out_fields(there, mapped, org_now), compiled, {})
    long = pl.concat([long, _out_barred(ctx, spec, pair, org, resolved, there, org_now)])
    long = long.with_columns(sobject=pl.lit(pair.sobject))
    unsent = new.select(_HEAD)
    whole = [_whole(unsent, mismatch.NOT_YET_SYNCED), _whole(gone, mismatch.MISSING)]
    return long, pl.concat(whole).with_columns(sobject=pl.lit(pair.sobject))


def _out_barred(
    ctx: Context, spec: JobSpec, pair: PairSpec, org: OrgObject, resolved: pl.DataFrame, there: pl.DataFrame,
    org_now: pl.DataFrame,
) -> pl.DataFrame:  # fmt: skip
    """What would be sent to fields that cannot be written, beside what the org shows there."""
    names = barred.targets(pair, org)
    if not names:
        return pl.DataFrame(schema=LONG)
    only, opened = barred.as_if_open(pair, org, names)
    compiled = compile_outbound(spec, only, opened, zone=plan_out.zone_of(ctx, spec))
    mapped = compiled.apply(resolved).select("local_id", *(pl.col(f"{p}:{n}") for n in names for p in "os"))
    unseen = [n for n in names if n not in org_now.columns]
    now = org_now.with_columns(pl.lit(None, dtype=pl.String).alias(n) for n in unseen)
    rows = _long(_out_fields(there, mapped, now), compiled, names)
    # Nobody ever agreed on what a formula says.
    agreed = pl.col("barred") == mismatch.HIDDEN
    return rows.with_columns(has_base=pl.col("has_base") & agreed, baseline=pl.when(agreed).then("baseline"))


def _heads(ctx: Context, spec: JobSpec, linked: pl.DataFrame) -> pl.DataFrame:
    """Linked records with what tells whether they changed since both sides last agreed."""
    mark = ctx.db.one(
        "SELECT MAX(workspace_seq) FROM mark WHERE workspace_id = :w AND job = :j", w=ctx.workspace_id, j=spec.name
    )
    fresh = load_records(
        ctx.db, ctx.workspace_id, table_of(spec.kind), after_seq=int(mark or 0), columns=("id", "seq")
    ).select(record_id="id", is_fresh=pl.lit(value=True))
    opened = ctx.db.read(
        "SELECT record_id FROM open_row WHERE workspace_id = :w AND job = :j AND record_id IS NOT NULL",
        w=ctx.workspace_id, j=spec.name,
    ).select(pl.col("record_id").cast(pl.Int64), is_open=pl.lit(value=True))  # fmt: skip
    links = ctx.db.read(
        "SELECT org_id, updated_at FROM link WHERE workspace_id = :w AND state = 'active' AND table_name = :t",
        w=ctx.workspace_id, t=table_of(spec.kind),
    ).select("org_id", agreed_at=pl.col("updated_at").cast(INSTANT))  # fmt: skip
    rows = linked
    for frame, on in ((fresh, "record_id"), (opened.unique(), "record_id"), (links.unique("org_id"), "org_id")):
        rows = rows.join(frame, on=on, how="left")
    newer = (pl.col("workspace_at") > pl.col("agreed_at")).fill_null(value=False)
    touched = pl.col("is_fresh").is_not_null() | pl.col("is_open").is_not_null() | newer
    return rows.with_columns(is_touched=touched)


def _out_fields(there: pl.DataFrame, mapped: pl.DataFrame, org_now: pl.DataFrame) -> pl.DataFrame:
    fields = [c[2:] for c in mapped.columns if c.startswith("o:") and c[2:] in org_now.columns]
    index = ["record_id", "org_id", "key", "title", "workspace_at", "is_touched"]
    wide = there.select(*index, "baseline").join(mapped.rename({"local_id": "record_id"}), on="record_id")
    ours = wide.unpivot([f"o:{f}" for f in fields], index=index, variable_name="field", value_name="workspace")
    sent = wide.unpivot([f"s:{f}" for f in fields], index="record_id", variable_name="field", value_name="sent")
    name = pl.col("field").str.slice(2)
    theirs = org_now.unpivot(fields, index=["org_id", "_modified_at"], variable_name="field", value_name="org")
    base = plan.unfold(wide, "record_id", "baseline").rename({"value": "baseline"})
    return (
        ours.with_columns(name)
        .join(sent.with_columns(name).filter("sent"), on=["record_id", "field"], how="semi")
        .join(theirs.rename({"_modified_at": "org_at"}), on=["org_id", "field"], how="left")
        .join(base.with_columns(has_base=pl.lit(value=True)), on=["record_id", "field"], how="left")
        .with_columns(pl.col("has_base").fill_null(value=False), sobject=pl.lit(None, dtype=pl.String))
    )


# -- inbound


def _inbound(ctx: Context, spec: JobSpec, pair: PairSpec) -> tuple[pl.DataFrame, pl.DataFrame]:
    org = ctx.org(pair.sobject)
    links = _links(ctx, spec, pair)
    fields = capture.tracked_fields(ctx, spec, pair, org)
    rows = _read(ctx, org, links["org_id"].to_list(), fields)
    alive = rows.filter((pl.col("IsDeleted") != "true").fill_null(value=True))
    gone = links.join(alive.select(org_id="Id"), on="org_id", how="anti")
    whole = [_whole(gone, mismatch.MISSING), _whole(_new_in_org(ctx, spec, pair, org), mismatch.NOT_YET_SYNCED)]
    both = pl.concat(whole).with_columns(sobject=pl.lit(pair.sobject))
    if alive.is_empty():
        return pl.DataFrame(schema=LONG), both
    long = _in_fields(ctx, spec, pair, alive, links)
    return long.with_columns(sobject=pl.lit(pair.sobject)), both


def _links(ctx: Context, spec: JobSpec, pair: PairSpec) -> pl.DataFrame:
    """The linked live records of a pair: ``record_id, org_id, key, title, workspace_at, org_then_at``."""
    kinds = (spec.kind.value,) if spec.kind in ACTIVITY_KINDS else ()
    table = table_of(spec.kind)
    records = load_records(ctx.db, ctx.workspace_id, table, kinds=kinds).filter(pl.col("deleted_at").is_null())
    title = pl.coalesce([c for c in ("subject", "name", "external_id") if c in records.columns])
    found = ctx.db.read(
        "SELECT record_id, org_id, org_modified_at FROM link WHERE workspace_id = :w AND table_name = :t"
        " AND sobject = :o AND state = 'active'",
        w=ctx.workspace_id, t=table, o=pair.sobject,
    )  # fmt: skip
    links = found.select(
        pl.col("record_id").cast(pl.Int64),
        pl.col("org_id").cast(pl.String),
        pl.col("org_modified_at").cast(INSTANT).alias("org_then_at"),
    )
    heads = records.select(record_id="id", key="external_id", title=title, workspace_at="updated_at")
    return links.join(heads, on="record_id")


def _read(ctx: Context, org: OrgObject, org_ids: Sequence[str], fields: list[str]) -> pl.DataFrame:
    """The org's rows now, as a capture reads them; fields of related records take a query, the others come faster."""
    if any("." in f for f in fields):
        asked = soql.queries_in(fields, org.name, "Id", org_ids)
        records = [r for statement in asked for r in ctx.gateway.query(statement, all_rows=True)]
    else:
        records = [r for r in ctx.gateway.retrieve(org.name, org_ids, fields) if r is not None]
    types = {f: found.type for f in fields if (found := org.field(f)) is not None}
    return frames.to_frame(records, fields, types)


def _new_in_org(ctx: Context, spec: JobSpec, pair: PairSpec, org: OrgObject) -> pl.DataFrame:
    """Org records the job has not read yet and that nothing links."""
    name = next((f for f in ("Subject", "Name") if org.field(f) is not None), "Id")
    mark = ctx.db.read(
        "SELECT read_to_at FROM mark WHERE workspace_id = :w AND job = :j AND sobject = :o",
        w=ctx.workspace_id, j=spec.name, o=pair.sobject,
    )  # fmt: skip
    clauses = [f"({pair.where})"] if pair.where.strip() else []
    if mark.height and mark.item(0, 0) is not None:
        clauses.append(soql.gt("SystemModstamp", mark.item(0, 0)))
    fields = list(dict.fromkeys(["Id", name, "LastModifiedDate"]))
    page = ctx.gateway.query_first_page(soql.select(fields, org.name, " AND ".join(clauses), limit=MOST_NEW))
    rows = frames.to_frame(page.records, fields).with_columns(
        org_id="Id", key="Id", title=name, org_at=pl.col("LastModifiedDate").str.to_datetime(_STAMP, strict=False)
    )
    known = ctx.db.read(
        "SELECT org_id FROM link WHERE workspace_id = :w AND sobject = :o UNION SELECT org_id FROM open_row"
        " WHERE workspace_id = :w AND sobject = :o AND org_id IS NOT NULL",
        w=ctx.workspace_id, o=pair.sobject,
    )  # fmt: skip
    return rows.join(known.select(pl.col("org_id").cast(pl.String)), on="org_id", how="anti")


def _in_fields(ctx: Context, spec: JobSpec, pair: PairSpec, alive: pl.DataFrame, links: pl.DataFrame) -> pl.DataFrame:
    rows = plan_in.with_values(alive.join(links.select(Id="org_id"), on="Id", how="semi"))
    ground = plan_in.ground_of(ctx, spec, pair, rows)
    resolved = inbound.resolve(spec, rows, ground).filter(pl.col("record_id").is_not_null())
    compiled = compile_inbound(spec, pair, ctx.org(pair.sobject), zone=plan_out.zone_of(ctx, spec))
    mapped = compiled.apply(resolved)
    base_rows = plan_in.baseline_rows(pair, resolved, alive.columns)
    base = plan_in.with_known(pair, compiled.apply(base_rows), base_rows)
    ours = plan_in.present_values(ctx, spec.kind, resolved["record_id"].unique()).drop("_updated_at")
    ours = plan_in.mirrored(ctx, pair, ours)
    once = {m.target for m in pair.mappings if m.blank is Blank.FILL_ONLY}
    fields = [c[2:] for c in mapped.columns if c.startswith("w:") and c[2:] not in inbound.PASSENGERS]
    long = _melted(resolved.select("local_id", "record_id", org_at="modified_at").join(mapped, on="local_id"), fields)
    base = base.select("local_id", *(c for f in fields for c in (f"w:{f}", f"h:{f}")))
    known = _melted(base, fields, "h:").select("local_id", "field", baseline="org", has_base="sent")
    mine = ours.unpivot([f for f in fields if f in ours.columns], index="record_id", variable_name="field")
    named = (
        long.filter(pl.col("sent").fill_null(value=False))
        .join(mine.rename({"value": "workspace"}), on=["record_id", "field"])
        .join(known, on=["local_id", "field"], how="left")
        .filter(~pl.col("field").is_in(list(once)) | pl.col("workspace").is_null())
        .filter(~_unsaid(pair, ground))
    )
    touched = (pl.col("workspace_at") > pl.col("org_then_at")).fill_null(value=False)
    names = barred.sources(pair, ctx.org(pair.sobject))
    unseen = _in_unseen([f for f, why in names.items() if why == mismatch.HIDDEN], ours, resolved)
    seen = named.filter(~pl.col("field").is_in(unseen["field"].unique().to_list()))
    named = pl.concat([seen.select(unseen.columns), unseen])
    joined = named.join(links, on="record_id").with_columns(is_touched=touched, sobject=pl.lit(None, dtype=pl.String))
    return _long(joined, compiled, names)


def _in_unseen(fields: list[str], ours: pl.DataFrame, resolved: pl.DataFrame) -> pl.DataFrame:
    """What the workspace holds of fields whose source the org hides."""
    here = [f for f in fields if f in ours.columns]
    kept = ours.unpivot(here, index="record_id", variable_name="field", value_name="workspace").drop_nulls("workspace")
    nothing = pl.lit(None, dtype=pl.String)
    return (
        kept.cast({"workspace": pl.String})
        .join(resolved.select("record_id", org_at="modified_at"), on="record_id")
        .with_columns(org=nothing, baseline=nothing, has_base=pl.lit(value=False))
    )


def _unsaid(pair: PairSpec, ground: inbound.Ground) -> pl.Expr:
    """What the org filled in and the workspace says nothing of: both jobs leave it as it is."""
    if ground.twin_clears is None:
        return pl.lit(value=False)
    spoken = [m.target for m in pair.mappings if m.source in ground.twin_clears]
    unmoved = pl.col("has_base") & pl.col("org").eq_missing(pl.col("baseline"))
    return (pl.col("workspace").is_null() & ~pl.col("field").is_in(spoken) & unmoved).fill_null(value=False)


def _melted(wide: pl.DataFrame, fields: list[str], flag: str = "s:") -> pl.DataFrame:
    """One row per record and field with ``org`` (the mapped value) and ``sent`` (its flag)."""
    index = [c for c in ("local_id", "record_id", "org_at") if c in wide.columns]
    values = wide.unpivot([f"w:{f}" for f in fields], index=index, variable_name="field", value_name="org")
    flags = wide.unpivot([f"{flag}{f}" for f in fields], index="local_id", variable_name="field", value_name="sent")
    name = pl.col("field").str.slice(2)
    return values.with_columns(name).join(flags.with_columns(name), on=["local_id", "field"])
