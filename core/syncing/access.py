"""Keeps activities off records that the one who made them may not see in the org, whoever's login writes them."""

from __future__ import annotations

import polars as pl

from core.connections.salesforce import soql
from core.connections.salesforce.composite import COLLECTIONS
from core.connections.salesforce.gateway import Query
from core.mapping.spec import JobSpec
from core.planning import plan
from core.records import ACTIVITY_KINDS, Outcome
from core.syncing.context import Context

AT_ONCE = 200
"""Records that one query of UserRecordAccess may name, and it names one user (Object Reference, UserRecordAccess)."""
SEEN = {"org_user_id": pl.String, "org_id": pl.String}


def outbound(ctx: Context, spec: JobSpec, resolved: pl.DataFrame) -> pl.DataFrame:
    """Hold new activities whose person or related record is out of sight of their linked user.

    Where the integration user does everything (``owner_rule``), what it may see is what counts.
    """
    if spec.kind not in ACTIVITY_KINDS or spec.owner_rule != "linked_user":
        return resolved
    fresh = pl.col("_outcome").is_null() & pl.col("is_create") & pl.col("deleted_at").is_null()
    linked = pl.col("org_active").fill_null(value=False) & (pl.col("org_user_id") != ctx.integration_user)
    rows = resolved.filter(fresh & linked).select("local_id", "org_user_id", "who_id", "what_id")
    named = rows.unpivot(["who_id", "what_id"], index=["local_id", "org_user_id"], value_name="org_id").drop_nulls(
        "org_id"
    )
    if named.is_empty():
        return resolved
    seen = readable(ctx, named.select("org_user_id", "org_id").unique(maintain_order=True))
    hidden = named.join(seen, on=["org_user_id", "org_id"], how="anti")
    unseen = hidden.group_by("local_id").agg(_unseen=pl.col("variable").sort(descending=True).first())
    v = resolved.join(unseen, on="local_id", how="left")
    for column, what, field in (("who_id", "person", "WhoId"), ("what_id", "related record", "WhatId")):
        reason = f"Its user may not see the {what} in the org."
        v = plan.stop(v, pl.col("_unseen") == column, Outcome.HELD, "no_access", reason, field)
    return v.drop("_unseen")


def readable(ctx: Context, pairs: pl.DataFrame) -> pl.DataFrame:
    """Those of the pairs ``org_user_id``, ``org_id`` in which the user may read the record; five queries to a call."""
    asked = [
        (user, Query(_statement(user, part)))
        for (user,), group in pairs.group_by("org_user_id", maintain_order=True)
        for part in group.sort("org_id").iter_slices(AT_ONCE)
    ]
    told = []
    for at in range(0, len(asked), COLLECTIONS):
        part = asked[at : at + COLLECTIONS]
        answers = ctx.gateway.read_together([query for _, query in part])
        told += [
            {"org_user_id": user, "org_id": str(r["RecordId"])}
            for (user, _), answer in zip(part, answers, strict=True)
            for r in answer.ok().records
            if r["HasReadAccess"]
        ]
    return pl.DataFrame(told, schema=SEEN)


def _statement(user: object, part: pl.DataFrame) -> str:
    where = soql.all_of(soql.eq("UserId", str(user)), soql.is_in("RecordId", part["org_id"].to_list()))
    return soql.select(["RecordId", "HasReadAccess"], "UserRecordAccess", where)
