"""Reads the org's users and links the team's people to them."""

from __future__ import annotations

import polars as pl

from core.connections.salesforce import frames, soql
from core.syncing.context import Context
from core.syncing.intake import link_users

FIELDS = ("Id", "Username", "Email", "Name", "IsActive", "TimeZoneSidKey", "Profile.Name")


def refresh(ctx: Context) -> int:
    """Read all users of the org, and link workspace users by e-mail where nobody linked them by hand.

    Returns:
        How many users the org has.
    """
    told = ctx.gateway.query(soql.select(FIELDS, "User"))
    frame = frames.to_frame(told, FIELDS, {"IsActive": "boolean"})
    names = {
        "Username": "username",
        "Email": "email",
        "Name": "name",
        "TimeZoneSidKey": "zone",
        "Profile.Name": "profile",
    }
    rows = frame.select(
        pl.lit(ctx.workspace_id).alias("workspace_id"),
        pl.col("Id").alias("org_id"),
        *(pl.col(c).fill_null("").alias(n) for c, n in names.items()),
        (pl.col("IsActive") == "true").alias("is_active"),
    )  # fmt: skip
    with ctx.db.batch(ctx.workspace_id) as batch:
        batch.upsert("org_user", rows, ("workspace_id", "org_id"))
        link_users(batch)
    return rows.height
