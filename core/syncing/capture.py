"""Reads what changed in the org since the mark: several objects in one API call, archived and deleted rows included.

The mark rule: every run reads from the mark up to now; the mark itself moves only to what is certainly complete, the
smaller of getUpdated's ``latestDateCovered`` and the org's time less a margin. So the last minutes are read again, and
a row that is committed late with an older SystemModstamp is still found. Rows that our own user wrote and that were
read before are left out of the second reading: a late commit of ours is settled by the outbox.

A row that stopped here has not changed there, so the mark has passed it: one that waits for a parent is asked for by
its Id once a parent has come, one that met a passing error once its time is there. That travels in the same call.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from core.connections.salesforce import composite, frames, soql
from core.connections.salesforce.gateway import Answer, Describe, Query, UpdatedSince
from core.mapping.compile import soql_fields
from core.mapping.spec import JobSpec, PairSpec
from core.records import Direction
from core.schema.describe import OrgObject
from core.syncing import scope
from core.syncing.context import Context

MARGIN = timedelta(minutes=20)
COVERED_SPAN = timedelta(minutes=5)
BULK_FROM = 10_000
"""A reading of so many rows goes through a Bulk query."""


OpenQueries = list[tuple[str, Query]]
"""The object, and a query that asks for open rows of it by Id."""


@dataclass(frozen=True)
class Captured:
    """What was read of one object: ``rows`` are Utf8 columns by field path, in canonical text."""

    pair: PairSpec
    rows: pl.DataFrame
    mark: dict[str, Any]
    read_at: datetime
    """The org's time at which reading began."""
    read_before: datetime | None = None
    """The greatest stamp that an earlier run read; what bears it is read again."""
    is_full: bool = False
    """Whether rows are to be looked at again though their stamp is known."""
    left: tuple[str, ...] = ()
    """Ids of linked records that have left the job's filter."""

    @property
    def n_rows(self) -> int:
        """How many records were read, and found to have left."""
        return self.rows.height + len(self.left)


def capture(
    ctx: Context, spec: JobSpec, *, full: bool = False, records: Collection[str] | None = None
) -> list[Captured]:
    """Read every pair of an inbound job: what changed since the mark, and the open rows whose time has come.

    Args:
        ctx: the run's context.
        spec: the job.
        full: read everything, whatever the mark.
        records: org Ids of open rows: read exactly these, deleted ones too, and move no mark.

    Raises:
        OrgError: the org refused or did not answer; nothing was recorded.
    """
    spec = scope.resolved(ctx, spec)
    orgs = [ctx.org(p.sobject) for p in spec.pairs]
    fields = [tracked_fields(ctx, spec, p, o) for p, o in zip(spec.pairs, orgs, strict=True)]
    described = [Describe(o.name, ctx.described_at(o.name)) for o in orgs]
    if records is not None:
        wanted = _open_queries(spec, fields, _named(ctx, spec, records))
        began = ctx.now()
        again = _read_again(ctx, spec, orgs, fields, _read_open(ctx, wanted, described))
        return [Captured(p, again[p.sobject], {}, _org_time(ctx, began), is_full=True) for p in spec.pairs]
    marks = _marks(ctx, spec)
    queries = [
        Query(_statement(ctx, p, o, f, marks.get(p.sobject, {}), full=full), all_rows=True)
        for p, o, f in zip(spec.pairs, orgs, fields, strict=True)
    ]
    due = _open_queries(spec, fields, _due(ctx, spec, every=_is_remapped(spec, marks)))
    room = composite.COLLECTIONS - len(queries)
    along, later = due[:room], due[room : room + composite.COLLECTIONS]
    # Taken before anything is read: what happens while the pages come in is after it, and is read the next time.
    began, now = ctx.now(), ctx.gateway.server_now()
    covered = [UpdatedSince(o.name, now - COVERED_SPAN, now) for o in orgs]
    answers = ctx.gateway.read_together([*queries, *covered, *described, *(q for _, q in along)])
    n = len(queries)
    for answer in answers[2 * n : 3 * n]:
        ctx.keep_describe(answer)
    read_at = _org_time(ctx, began)
    rows = [_rows(ctx, orgs[i], fields[i], queries[i], answers[i].ok()) for i in range(n)]
    captured = []
    for i, (p, r) in enumerate(zip(spec.pairs, rows, strict=True)):
        mark = marks.get(p.sobject, {})
        ahead = _next_mark(spec, read_at, r, answers[n + i], mark)
        captured.append(Captured(p, r, ahead, read_at, read_before=mark.get("read_to_at"), is_full=full))
    told = [(o, a.ok()) for (o, _), a in zip(along, answers[3 * n :], strict=True)]
    again = _read_again(ctx, spec, orgs, fields, [*told, *_read_open(ctx, later, [])])
    whole = [_with_open(c, again[c.pair.sobject]) for c in captured]
    return [
        _with_converted(ctx, _with_scope(ctx, spec, c, o, f, marks.get(c.pair.sobject, {})), o, f)
        for c, o, f in zip(whole, orgs, fields, strict=True)
    ]


def _with_converted(ctx: Context, captured: Captured, org: OrgObject, fields: list[str]) -> Captured:
    """Leads that are out of the filter because they were converted have not left: they are followed."""
    if not captured.left or "ConvertedContactId" not in fields:
        return captured
    where = soql.all_of(soql.eq("IsConverted", value=True), soql.ne("ConvertedContactId", None))
    statements = soql.queries_in(fields, org.name, "Id", captured.left, where=where)
    found = [r for statement in statements for r in ctx.gateway.query(statement)]
    rows = frames.to_frame(found, fields, _types(org, fields))
    left = tuple(i for i in captured.left if i not in set(rows["Id"]))
    return replace(captured, rows=pl.concat([captured.rows, rows]), left=left)


def _with_scope(
    ctx: Context, spec: JobSpec, captured: Captured, org: OrgObject, fields: list[str], mark: dict[str, Any]
) -> Captured:
    """What has left the pair's filter, and what has come into it unannounced."""
    pair, now = captured.pair, ctx.now()
    if not pair.where:
        return replace(captured, mark={**captured.mark, "scope_read_at": None}) if _is_lifted(pair, mark) else captured
    if mark.get("org_stamp_at") is None and not scope.present(ctx, spec, pair).height:
        return replace(captured, mark={**captured.mark, "scope_read_at": now})
    inside = captured.rows["Id"]
    left: list[str] = []
    if mark.get("org_stamp_at") is not None:
        left = scope.left_since(ctx, spec, pair, mark["org_stamp_at"], inside)
    if not scope.is_due(ctx, spec, mark.get("scope_read_at")):
        return replace(captured, left=tuple(left))
    gone, come = scope.compared(ctx, spec, pair)
    statements = soql.queries_in(fields, pair.sobject, "Id", sorted(set(come) - set(inside)))
    found = [r for statement in statements for r in ctx.gateway.query(statement)]
    rows = pl.concat([captured.rows, frames.to_frame(found, fields, _types(org, fields))])
    mark = {**captured.mark, "scope_read_at": now}
    return replace(captured, rows=rows, left=tuple(sorted({*left, *gone})), mark=mark)


def _is_lifted(pair: PairSpec, mark: dict[str, Any]) -> bool:
    """Whether the last run still had a filter: what it kept out has not changed, and lies behind the mark."""
    return not pair.where and mark.get("scope_read_at") is not None


def _with_open(captured: Captured, again: pl.DataFrame) -> Captured:
    # What was read since the mark may be the later reading; the open rows say nothing about how far was read.
    rows = pl.concat([again, captured.rows]).unique("Id", keep="last", maintain_order=True)
    return replace(captured, rows=rows) if again.height else captured


def _org_time(ctx: Context, began: datetime) -> datetime:
    """A moment of ours by the org's clock, as its answers have told it meanwhile."""
    return began + timedelta(seconds=ctx.offset_s)


def _is_remapped(spec: JobSpec, marks: dict[str, dict[str, Any]]) -> bool:
    return any(m["mapping"] not in (None, spec.fingerprint()) for m in marks.values())


def _due(ctx: Context, spec: JobSpec, *, every: bool) -> pl.DataFrame:
    """Open rows to look at again, the longest unseen first: ``sobject``, ``subject`` (the org Id).

    After a change of the job that is ``every`` one. A parent that was linked since the run began that left the row
    waiting may be the one it waits for.
    """
    return ctx.db.read(
        "SELECT o.sobject, o.subject FROM open_row o LEFT JOIN run r ON r.run_id = o.run_id WHERE o.workspace_id = :w"
        " AND o.job = :j AND NOT o.is_aside AND (:every = 1 OR (o.retry_at IS NOT NULL AND o.retry_at <= :now) OR"
        " (o.outcome = 'waiting' AND o.cause IN ('orphan', 'parent') AND COALESCE(r.started_at, o.last_at) <="
        " (SELECT MAX(l.created_at) FROM link l WHERE l.workspace_id = :w AND l.table_name <> 'activity'"
        " AND l.state = 'active'))) ORDER BY o.last_at, o.subject",
        w=ctx.workspace_id, j=spec.name, now=ctx.now(), every=int(every),
    )  # fmt: skip


def _named(ctx: Context, spec: JobSpec, records: Collection[str]) -> pl.DataFrame:
    frame = ctx.db.read(
        "SELECT sobject, subject FROM open_row WHERE workspace_id = :w AND job = :j ORDER BY subject",
        w=ctx.workspace_id,
        j=spec.name,
    )
    return frame.filter(pl.col("subject").cast(pl.String).is_in(list(records)))


def _open_queries(spec: JobSpec, fields: list[list[str]], rows: pl.DataFrame) -> OpenQueries:
    out: OpenQueries = []
    for pair, names in zip(spec.pairs, fields, strict=True):
        org_ids = rows.filter(pl.col("sobject") == pair.sobject)["subject"].to_list()
        where = f"({pair.where})" if pair.where.strip() else ""
        out += [(pair.sobject, Query(q)) for q in soql.queries_in(names, pair.sobject, "Id", org_ids, where=where)]
    return out


def _read_open(ctx: Context, wanted: OpenQueries, described: list[Describe]) -> list[tuple[str, Answer]]:
    """The first pages of these queries, five to a call; the describes come along with the first."""
    out: list[tuple[str, Answer]] = []
    for at in range(0, len(wanted), composite.COLLECTIONS):
        part = wanted[at : at + composite.COLLECTIONS]
        asked = described if at == 0 else []
        answers = ctx.gateway.read_together([*(q for _, q in part), *asked])
        out += [(o, a.ok()) for (o, _), a in zip(part, answers[: len(part)], strict=True)]
        for answer in answers[len(part) :]:
            ctx.keep_describe(answer)
    return out


def _read_again(
    ctx: Context, spec: JobSpec, orgs: list[OrgObject], fields: list[list[str]], told: list[tuple[str, Answer]]
) -> dict[str, pl.DataFrame]:
    """The open rows by object, in the shape of captured ones."""
    out = {}
    for pair, org, names in zip(spec.pairs, orgs, fields, strict=True):
        records = [r for sobject, first in told if sobject == pair.sobject for r in _all_pages(ctx, first)]
        out[pair.sobject] = frames.to_frame(records, names, _types(org, names)).unique("Id", maintain_order=True)
    return out


def _types(org: OrgObject, fields: list[str]) -> dict[str, str]:
    return {f: found.type for f in fields if (found := org.field(f)) is not None}


def _marks(ctx: Context, spec: JobSpec) -> dict[str, dict[str, Any]]:
    frame = ctx.db.read(
        "SELECT sobject, org_stamp_at, read_to_at, scope_read_at, mapping FROM mark"
        " WHERE workspace_id = :w AND job = :j",
        w=ctx.workspace_id,
        j=spec.name,
    )
    return {r["sobject"]: r for r in frame.iter_rows(named=True)}


def tracked_fields(ctx: Context, spec: JobSpec, pair: PairSpec, org: OrgObject) -> list[str]:
    """What to select: the job's own fields, and those that an outbound job of the same kind and object writes."""
    fields = dict.fromkeys(soql_fields(pair, org))
    if org.field("CreatedById") is not None:
        fields["CreatedById"] = None  # tells our own creations, whose answers may still be under way
    for other in ctx.jobs():
        if other.kind is spec.kind and other.direction is Direction.OUTBOUND:
            for twin in other.pairs:
                if twin.sobject == pair.sobject:
                    fields |= dict.fromkeys(soql_fields(twin, org, direction=Direction.OUTBOUND))
    for path in list(fields):
        lookup = org.reference(path.split(".")[0]) if "." in path else None
        if lookup is not None:
            fields[lookup.name] = None
    return list(fields)


def _statement(
    ctx: Context, pair: PairSpec, org: OrgObject, fields: list[str], mark: dict[str, Any], *, full: bool
) -> str:
    clauses = [pair.where.strip()]
    since, read_to = mark.get("org_stamp_at"), mark.get("read_to_at")
    alive = soql.eq("IsDeleted", False)
    if since is None:
        clauses.append(alive)
    elif full or _is_lifted(pair, mark):
        # The mark moves over what was deleted since as well: it must be among what is read.
        clauses.append(soql.any_of(alive, soql.ge("SystemModstamp", since)))
    else:
        clauses.append(_since(since, read_to, ctx.integration_user))
    return soql.select(fields, org.name, soql.all_of(*clauses), order_by=("SystemModstamp", "Id"))


def _since(since: datetime, read_to: datetime | None, own_user: str) -> str:
    if read_to is None or read_to <= since:
        return soql.ge("SystemModstamp", since)
    again = soql.all_of(soql.ge("SystemModstamp", since), soql.ne("LastModifiedById", own_user))
    return soql.any_of(soql.ge("SystemModstamp", read_to), again)


def _rows(ctx: Context, org: OrgObject, fields: list[str], query: Query, first: Answer) -> pl.DataFrame:
    types = _types(org, fields)
    if first.total >= BULK_FROM:
        pages = [frames.fill(page, fields) for page in ctx.gateway.bulk_query(query.soql, all_rows=True)]
        rows = frames.canonical(pl.concat(pages), types)
    else:
        rows = frames.to_frame(_all_pages(ctx, first), fields, types)
    return rows.unique("Id", keep="last", maintain_order=True)


def _all_pages(ctx: Context, first: Answer) -> list[dict[str, Any]]:
    records, answer = list(first.records), first
    while answer.next:
        answer = ctx.gateway.more(answer.next)
        records.extend(answer.records)
    return records


def _next_mark(
    spec: JobSpec, read_at: datetime, rows: pl.DataFrame, covered: Answer, mark: dict[str, Any]
) -> dict[str, Any]:
    certain = read_at - MARGIN
    if covered.error is None and covered.latest_date_covered is not None:
        certain = min(certain, covered.latest_date_covered)
    before = mark.get("org_stamp_at")
    stamps = rows["SystemModstamp"].drop_nulls()
    last = stamps.str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us").max() if stamps.len() else None
    read_to = max((t for t in (last, mark.get("read_to_at")) if t is not None), default=None)
    mark_at = max(certain, before) if before else certain
    return {"org_stamp_at": mark_at, "read_to_at": read_to, "mapping": spec.fingerprint()}


def refresh_describes(ctx: Context, sobjects: list[str]) -> None:
    """Ask in one call whether the describes we go by are still the org's."""
    for answer in ctx.gateway.read_together([Describe(s, ctx.described_at(s)) for s in sobjects]):
        ctx.keep_describe(answer.ok())
