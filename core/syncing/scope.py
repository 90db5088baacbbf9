"""Says which org records a pair is limited to, as one SOQL condition, and finds what has left it or come back.

A record that leaves the filter has not been deleted: it is archived here, and comes back with the filter. It is seen in
two ways: changed records are read without the filter as well, and what changes unannounced (list views, parent
fields, date literals, formulas) is found by comparing Ids on a schedule of its own.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from core.connections.salesforce import soql
from core.errors import NotValid
from core.mapping.soql_where import condition_of
from core.mapping.spec import FieldMapping, JobSpec, PairSpec, Policy
from core.planning import plan
from core.records import Outcome, table_of
from core.store.codec import dumps
from core.syncing.context import Context

SEGMENTS = "fields.segments"
"""Where a record's segments are kept, as a JSON list."""
_SCOPES = ("everything", "")


def resolved(ctx: Context, spec: JobSpec) -> JobSpec:
    """The job with everything its pairs are limited to in their ``where``.

    Raises:
        NotValid: a list view is not there, or the connected user may not see it.
    """
    return spec.model_copy(update={"pairs": tuple(_resolved(ctx, p) for p in spec.pairs)})


def _resolved(ctx: Context, pair: PairSpec) -> PairSpec:
    parts = [pair.where.strip()]
    if pair.checkbox:
        parts.append(soql.eq(pair.checkbox, value=True))
    if pair.owned_by_team:
        parts.append(_owned(ctx))
    if pair.list_views:
        parts.append(_views(ctx, pair))
    mappings = pair.mappings
    if pair.segment:
        # Who is in the segment is the org's to say, whatever else the job settles.
        mappings += (FieldMapping(constant=pair.segment, target=SEGMENTS, policy=Policy.ORG_WINS, engine=True),)
    return pair.model_copy(update={"where": soql.all_of(*parts), "mappings": mappings})


def _owned(ctx: Context) -> str:
    frame = ctx.db.read(
        "SELECT DISTINCT org_user_id FROM workspace_user WHERE workspace_id = :w AND org_user_id IS NOT NULL"
        " ORDER BY org_user_id",
        w=ctx.workspace_id,
    )
    if frame.is_empty():
        raise NotValid("Nobody of the team is linked to an org user, so no record is theirs.", hint="Link users first.")
    return soql.is_in("OwnerId", frame["org_user_id"].to_list())


def _views(ctx: Context, pair: PairSpec) -> str:
    sobject, _, lookup = (pair.through or "").partition(".")
    listed = {str(v["developerName"]).lower(): v for v in ctx.gateway.list_views(sobject or pair.sobject)}
    conditions = [_view(ctx, sobject or pair.sobject, name, listed) for name in pair.list_views]
    if not all(conditions):
        return ""
    any_view = soql.any_of(*conditions)
    if not lookup:
        return any_view
    return f"Id IN (SELECT {soql.name(lookup)} FROM {soql.name(sobject)} WHERE {any_view})"  # noqa: S608


def _view(ctx: Context, sobject: str, name: str, listed: dict[str, dict[str, Any]]) -> str:
    view = listed.get(name.lower())
    if view is None:
        raise NotValid(
            f"The list view {name} of {sobject} is not there, or the connected user may not see it.",
            hint="Ask the org's admin to share it with the integration user, or choose another one.",
        )
    told = ctx.gateway.list_view(sobject, str(view["id"]))
    condition = condition_of(str(told.get("query") or ""))
    kind = str(told.get("scope") or "").lower()
    if kind in _SCOPES:
        return condition or "Id != null"
    if kind == "mine":
        return soql.all_of(soql.eq("OwnerId", ctx.integration_user), condition)
    raise NotValid(
        f"The list view {name} shows the records of '{kind}', which only its viewer can tell.",
        hint="Have it show all records, filtered by fields.",
    )


def is_due(ctx: Context, spec: JobSpec, read_at: datetime | None) -> bool:
    """Whether the Ids in the filter are to be compared again: in their time, and whenever the job was changed."""
    if read_at is None or ctx.now() - read_at >= timedelta(hours=spec.scope_every_hours):
        return True
    edited = ctx.db.read(
        "SELECT updated_at FROM job WHERE workspace_id = :w AND name = :j", w=ctx.workspace_id, j=spec.name
    )
    return bool(edited.height and edited.item(0, 0) > read_at)


def present(ctx: Context, spec: JobSpec, pair: PairSpec) -> pl.DataFrame:
    """The org records that count as in the pair's filter here: ``Id``, ``record_id``, ``fields`` (JSON text).

    Those that this job has brought in and that are not archived; of a pair with a segment, its members, whoever has
    brought them in.
    """
    table = table_of(spec.kind)
    whose = "" if pair.segment else " AND l.job = :j AND r.archived_at IS NULL"
    frame = ctx.db.read(
        f'SELECT l.org_id AS "Id", r.id AS record_id, r.fields FROM link l JOIN {table} r'  # noqa: S608
        " ON r.workspace_id = l.workspace_id AND r.id = l.record_id WHERE l.workspace_id = :w AND l.table_name = :t"
        f" AND l.sobject = :o AND l.state = 'active' AND r.deleted_at IS NULL{whose}",
        w=ctx.workspace_id, t=table, o=pair.sobject, j=spec.name,
    ).with_columns(pl.col("Id", "fields").cast(pl.String), pl.col("record_id").cast(pl.Int64))  # fmt: skip
    if not pair.segment:
        return frame
    return frame.filter(pl.Series([pair.segment in segments_of(t) for t in frame["fields"]], dtype=pl.Boolean))


def segments_of(fields: str | None) -> list[str]:
    """The segments that a record's custom fields name."""
    return list((json.loads(fields) if fields else {}).get("segments") or [])


def left_since(ctx: Context, spec: JobSpec, pair: PairSpec, since: datetime, inside: pl.Series) -> list[str]:
    """Records here that were changed since the mark and are in the filter no more."""
    told = ctx.gateway.query(soql.select(["Id"], pair.sobject, soql.ge("SystemModstamp", since)))
    changed = pl.Series("Id", [str(r["Id"]) for r in told], dtype=pl.String)
    gone = pl.col("Id").is_in(changed.implode()) & ~pl.col("Id").is_in(inside.implode())
    return _certainly_out(ctx, pair, present(ctx, spec, pair).filter(gone)["Id"])


def _certainly_out(ctx: Context, pair: PairSpec, candidates: pl.Series) -> list[str]:
    """Those that the org still has, and has not in the filter: one that was deleted has not left it."""

    def those(where: str) -> set[str]:
        statements = soql.queries_in(["Id"], pair.sobject, "Id", sorted(candidates), where=where)
        return {str(r["Id"]) for statement in statements for r in ctx.gateway.query(statement)}

    return sorted(those("") - those(pair.where)) if candidates.len() else []


def compared(ctx: Context, spec: JobSpec, pair: PairSpec) -> tuple[list[str], list[str]]:
    """Compare the Ids in the filter with what is here.

    Returns:
        The Ids that have left the filter, and those that are in it and not here.
    """
    told = ctx.gateway.query(soql.select(["Id"], pair.sobject, pair.where))
    inside = pl.DataFrame({"Id": [str(r["Id"]) for r in told]}, schema={"Id": pl.String})
    here = present(ctx, spec, pair)
    left, come = here.join(inside, on="Id", how="anti"), inside.join(here, on="Id", how="anti")
    if not pair.segment:
        come = come.join(_of_other_jobs(ctx, spec, pair), on="Id", how="anti")
    return _certainly_out(ctx, pair, left["Id"]), sorted(come["Id"].to_list())


def _of_other_jobs(ctx: Context, spec: JobSpec, pair: PairSpec) -> pl.DataFrame:
    return ctx.db.read(
        'SELECT org_id AS "Id" FROM link WHERE workspace_id = :w AND table_name = :t AND sobject = :o AND job <> :j'
        " AND state = 'active'",
        w=ctx.workspace_id, t=table_of(spec.kind), o=pair.sobject, j=spec.name,
    ).with_columns(pl.col("Id").cast(pl.String))  # fmt: skip


def left_rows(ctx: Context, spec: JobSpec, pair: PairSpec, org_ids: Sequence[str]) -> pl.DataFrame:
    """The plan's rows of what has left the filter: archived, or out of the pair's segment."""
    here = present(ctx, spec, pair).filter(pl.col("Id").is_in(list(org_ids)))
    if here.is_empty():
        return plan.empty()
    reason = f"It left the segment {pair.segment}." if pair.segment else "It left the job's filter: it is archived."
    rows = here.with_columns(
        org_id="Id", sobject=pl.lit(pair.sobject), _key="Id", _title="Id", _outcome=pl.lit(Outcome.UPDATED.value),
        _cause=pl.lit("left_scope"), _reason=pl.lit(reason), action=pl.lit("archive"),
    )  # fmt: skip
    if pair.segment:
        rows = rows.with_columns(action=pl.lit("update"), **_without(pair.segment, here["fields"]))
    return plan.shaped(rows.drop("fields"))


def _without(segment: str, fields: pl.Series) -> dict[str, pl.Series]:
    before = [segments_of(t) for t in fields]
    left = [[s for s in known if s != segment] for known in before]
    told = {"payload": left, "before": before}
    return {n: pl.Series([dumps({SEGMENTS: dumps(v)}) for v in lists], dtype=pl.String) for n, lists in told.items()}


def joined(pair: PairSpec, mapped: pl.DataFrame, ours: pl.DataFrame, verdicts: pl.DataFrame) -> pl.DataFrame:
    """The mapped rows of a pair with a segment: each keeps the segments that its record has, and joins this one."""
    if not pair.segment:
        return mapped
    known = verdicts.select("local_id", "record_id").join(ours, on="record_id", how="left")
    have = known[SEGMENTS] if SEGMENTS in known.columns else pl.Series([None] * known.height, dtype=pl.String)
    lists = [json.loads(t) if t else [] for t in have]
    texts = [dumps(v if pair.segment in v else [*v, pair.segment]) for v in lists]
    column = pl.DataFrame({"local_id": known["local_id"], f"w:{SEGMENTS}": texts})
    return mapped.drop(f"w:{SEGMENTS}").join(column, on="local_id", how="left")
