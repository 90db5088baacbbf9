"""Reads people and accounts of the org that nothing here is linked to: duplicates lie across the sides too."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.connections.salesforce import frames, soql
from core.errors import NotFound
from core.store.codec import INSTANT
from core.syncing.context import Context

_STAMP = "%Y-%m-%dT%H:%M:%S%#z"
_OBJECTS = {"person": ("Contact", "Lead"), "account": ("Account",)}
_FIELDS = (
    "Id", "FirstName", "LastName", "Name", "Email", "Phone", "MobilePhone", "Company", "Website", "MailingStreet",
    "MailingCity", "Street", "City", "BillingStreet", "BillingCity", "HasOptedOutOfEmail", "DoNotCall", "CreatedDate",
    "IsConverted",
)  # fmt: skip
_SHAPE: dict[str, Any] = {
    "org_id": pl.String,
    "sobject": pl.String,
    "first_name": pl.String,
    "last_name": pl.String,
    "name": pl.String,
    "email": pl.String,
    "phones": pl.List(pl.String),
    "company": pl.String,
    "domain": pl.String,
    "street": pl.String,
    "city": pl.String,
    "is_opted_out": pl.Boolean,
    "created_at": INSTANT,
}


def read(ctx: Context, kind: str) -> pl.DataFrame:
    """The org's live records of a kind without an active link; converted leads left out."""
    parts = [pl.DataFrame(schema=_SHAPE)]
    known = ctx.db.read(
        "SELECT org_id FROM link WHERE workspace_id = :w AND table_name = :t AND state = 'active'",
        w=ctx.workspace_id, t=kind,
    ).select(pl.col("org_id").cast(pl.String))  # fmt: skip
    for name in _OBJECTS.get(kind, ()):
        try:
            org = ctx.org(name)
        except NotFound:
            continue
        fields = [f for f in _FIELDS if org.field(f) is not None]
        records = ctx.gateway.query(soql.select(fields, name))
        frame = frames.to_frame(records, list(_FIELDS), {f: found.type for f in fields if (found := org.field(f))})
        parts.append(_shaped(frame, name).join(known, on="org_id", how="anti"))
    return pl.concat(parts)


def _shaped(frame: pl.DataFrame, sobject: str) -> pl.DataFrame:
    out = pl.any_horizontal((pl.col(c) == "true").fill_null(value=False) for c in ("HasOptedOutOfEmail", "DoNotCall"))
    live = frame.filter((pl.col("IsConverted") != "true").fill_null(value=True))
    return live.select(
        org_id="Id", sobject=pl.lit(sobject), first_name="FirstName", last_name="LastName", name="Name", email="Email",
        phones=pl.concat_list("Phone", "MobilePhone").list.drop_nulls(), company="Company", domain="Website",
        street=pl.coalesce("MailingStreet", "Street", "BillingStreet"),
        city=pl.coalesce("MailingCity", "City", "BillingCity"), is_opted_out=out,
        created_at=pl.col("CreatedDate").str.to_datetime(_STAMP, time_unit="us", time_zone="UTC", strict=False),
    ).select(pl.col(c).cast(t) for c, t in _SHAPE.items())  # fmt: skip
