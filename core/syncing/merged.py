"""Reads from the org which records were merged or converted, those included that were never linked here."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.connections.salesforce import frames, soql
from core.errors import NotFound
from core.store.codec import INSTANT
from core.syncing.context import Context

_STAMP = "%Y-%m-%dT%H:%M:%S%#z"
_TABLES = {"Account": "account", "Contact": "person", "Lead": "person"}
_SHAPE: dict[str, Any] = {
    "table_name": pl.String, "title": pl.String, "org_id": pl.String, "sobject": pl.String, "became": pl.String,
    "into_org_id": pl.String, "into_sobject": pl.String, "evidence": pl.String, "at": INSTANT,
}  # fmt: skip


def read(ctx: Context) -> pl.DataFrame:
    """Merged accounts, contacts and leads that the recycle bin still holds, and converted leads.

    Returns:
        ``table_name, title, org_id, sobject, became`` (merged or converted), ``into_org_id`` (at the end of a chain),
        ``into_sobject, evidence, at`` (LastModifiedDate).
    """
    parts = [pl.DataFrame(schema=_SHAPE)]
    for sobject in _TABLES:
        try:
            org = ctx.org(sobject)
        except NotFound:
            continue
        if org.field("MasterRecordId") is not None:
            where = soql.all_of(soql.eq("IsDeleted", True), soql.ne("MasterRecordId", None))
            parts.append(_rows(ctx, sobject, "MasterRecordId", where, "merged", sobject))
        if org.field("ConvertedContactId") is not None:
            where = soql.all_of(soql.eq("IsConverted", True), soql.ne("ConvertedContactId", None))
            parts.append(_rows(ctx, sobject, "ConvertedContactId", where, "converted", "Contact"))
    whole = pl.concat(parts)
    into = dict(whole.filter(pl.col("became") == "merged").select("org_id", "into_org_id").iter_rows())
    ends = pl.Series("into_org_id", [_end(i, into) for i in whole["into_org_id"]], dtype=pl.String)
    return whole.with_columns(ends).sort("at", "org_id", descending=[True, False])


def _rows(ctx: Context, sobject: str, field: str, where: str, became: str, into: str) -> pl.DataFrame:
    fields = ["Id", "Name", field, "LastModifiedDate"]
    frame = frames.to_frame(ctx.gateway.query(soql.select(fields, sobject, where), all_rows=True), fields)
    return frame.select(
        table_name=pl.lit(_TABLES[sobject]), title="Name", org_id="Id", sobject=pl.lit(sobject), became=pl.lit(became),
        into_org_id=field, into_sobject=pl.lit(into), evidence=pl.lit(field),
        at=pl.col("LastModifiedDate").str.to_datetime(_STAMP, time_unit="us", time_zone="UTC", strict=False),
    ).cast(_SHAPE)  # type: ignore[arg-type]  # fmt: skip


def _end(at: str | None, into: dict[str, str]) -> str | None:
    seen = set()
    while at in into and at not in seen:
        seen.add(at)
        at = into[at]
    return at
