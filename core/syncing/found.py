"""Reads what activities the org holds in a time, archived ones too, for the org's side of the double entry."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from core.connections.salesforce import frames, soql
from core.errors import NotFound
from core.schema.describe import OrgObject
from core.store.codec import INSTANT
from core.syncing.context import Context

FOUND: dict[str, Any] = {
    "org_id": pl.String,
    "sobject": pl.String,
    "day": pl.Date,
    "kind": pl.String,
    "owner_id": pl.String,
    "created_by_id": pl.String,
    "created_at": INSTANT,
    "who_id": pl.String,
    "subject": pl.String,
    "is_archived": pl.Boolean,
}
_STAMP = "%Y-%m-%dT%H:%M:%S%#z"
_WANTED = ("Id", "OwnerId", "CreatedById", "CreatedDate", "ActivityDate", "StartDateTime", "WhoId", "Subject", "Type",
           "TaskSubtype", "IsArchived")  # fmt: skip


def activities(ctx: Context, first: date | None, last: date | None) -> pl.DataFrame:
    """Tasks and Events of the days from ``first`` to ``last`` (open where ``None``), without deleted ones.

    Columns are those of `FOUND`.

    The day is ActivityDate (or that of StartDateTime in the workspace's zone), of one that has none that of its
    creation. Read with queryAll, since a plain query hides what was archived.
    """
    parts = [_of_object(ctx, org, first, last) for name in ("Task", "Event") if (org := _org(ctx, name)) is not None]
    return pl.concat([pl.DataFrame(schema=FOUND), *parts])


def gone(ctx: Context, rows: pl.DataFrame, there: pl.DataFrame) -> pl.Series:
    """Ids that activities say they are in the org under, and that the org no longer holds outside its recycle bin.

    Args:
        ctx: the org.
        rows: activities with ``org_id``, ``sobject``, ``origin`` and ``sync_state``.
        there: what `activities` found: these need not be asked for.
    """
    ours = rows.filter((pl.col("origin") != "org") & (pl.col("sync_state") == "synced"))
    asked = ours.select("org_id", "sobject").unique().join(there.select("org_id"), on="org_id", how="anti")
    left: list[str] = []
    for (sobject,), part in asked.group_by("sobject"):
        ids = part["org_id"].to_list()
        statements = soql.queries_in(["Id"], str(sobject), "Id", ids, where=soql.eq("IsDeleted", False))
        have = {str(r["Id"]) for s in statements for r in ctx.gateway.query(s, all_rows=True)}
        left += [i for i in ids if i not in have]
    return pl.Series("org_id", left, dtype=pl.String)


def _org(ctx: Context, name: str) -> OrgObject | None:
    try:
        return ctx.org(name)
    except NotFound:
        return None


def _of_object(ctx: Context, org: OrgObject, first: date | None, last: date | None) -> pl.DataFrame:
    where = soql.all_of(soql.eq("IsDeleted", False), *_period(ZoneInfo(ctx.zone), first, last))
    fields = [f for f in _WANTED if org.field(f) is not None]
    records = ctx.gateway.query(soql.select(fields, org.name, where), all_rows=True)
    frame = frames.to_frame(records, list(_WANTED), {f: found.type for f in fields if (found := org.field(f))})
    return _shaped(frame, org.name, ctx.zone)


def _period(zone: ZoneInfo, first: date | None, last: date | None) -> list[str]:
    dated = [soql.ge("ActivityDate", first)] * (first is not None) + [soql.le("ActivityDate", last)] * (
        last is not None
    )
    if not dated:
        return []
    made = [soql.ge("CreatedDate", _midnight(first, zone))] if first is not None else []
    made += [soql.lt("CreatedDate", _midnight(last + timedelta(days=1), zone))] if last is not None else []
    return [soql.any_of(soql.all_of(*dated), soql.all_of(soql.eq("ActivityDate", None), *made))]


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _shaped(frame: pl.DataFrame, sobject: str, zone: str) -> pl.DataFrame:
    made = _instant("CreatedDate")
    day = pl.coalesce(
        _instant("StartDateTime").dt.convert_time_zone(zone).dt.date(),
        pl.col("ActivityDate").str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False),
        made.dt.convert_time_zone(zone).dt.date(),
    )
    said = pl.coalesce(_known("TaskSubtype"), _known("Type"))
    kind = pl.lit("meeting") if sobject == "Event" else said.fill_null("task")
    return frame.select(
        org_id="Id", sobject=pl.lit(sobject), day=day, kind=kind, owner_id="OwnerId", created_by_id="CreatedById",
        created_at=made, who_id="WhoId", subject="Subject",
        is_archived=(pl.col("IsArchived") == "true").fill_null(value=False),
    ).cast(FOUND)  # type: ignore[arg-type]  # fmt: skip


def _instant(name: str) -> pl.Expr:
    text = pl.col(name).cast(pl.String)
    return text.str.to_datetime(_STAMP, time_unit="us", time_zone="UTC", strict=False)


def _known(name: str) -> pl.Expr:
    low = pl.col(name).cast(pl.String).str.to_lowercase()
    return pl.when(low.is_in(["call", "email", "meeting"])).then(low)
