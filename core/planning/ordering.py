"""Puts a plan's writes in order and cuts them into batches."""

from __future__ import annotations

import polars as pl

PER_REQUEST = 1_000
"""Rows of one composite request: five collections of 200."""
BULK_FROM = 5_001
"""So many rows of one action go through Bulk API 2.0."""
PER_BULK_JOB = 100_000
BULK_CALLS = 10
"""A Bulk job is made, filled, closed, asked about and read."""

_ACTION_ORDER = {"delete": 0, "update": 1, "create": 2}


def batches(rows: pl.DataFrame) -> pl.DataFrame:
    """Number the rows that are to be sent.

    Args:
        rows: a plan's rows with ``row`` Int64.

    Returns:
        ``row``, ``batch`` Int64 (from 1), ``route`` (``rest`` or ``bulk``), ``sobject``, ``action``: rows of one
        batch share object and action. Rows of one parent lie together, so that no two batches of an action lock the
        same parent; only a parent with more rows than fit into a batch has several, one after the other.
    """
    doing = rows.filter(pl.col("action").is_in(list(_ACTION_ORDER)))
    if doing.is_empty():
        return pl.DataFrame(
            schema={"row": pl.Int64, "batch": pl.Int64, "route": pl.String, "sobject": pl.String, "action": pl.String}
        )
    doing = doing.with_columns(
        pl.col("action").replace_strict(_ACTION_ORDER, return_dtype=pl.Int32).alias("_order"),
        pl.len().over("sobject", "action").alias("_n"),
    ).sort("_order", "sobject", "parent", "row")
    bulk = pl.col("_n") >= BULK_FROM
    families = doing.group_by("_order", "sobject", "action", "parent", maintain_order=True).agg(
        pl.len().alias("n"), pl.when(bulk.first()).then(PER_BULK_JOB).otherwise(PER_REQUEST).alias("limit")
    )
    return doing.select(
        "row",
        pl.Series("batch", _cut(families), dtype=pl.Int64),
        pl.when(bulk).then(pl.lit("bulk")).otherwise(pl.lit("rest")).alias("route"),
        "sobject",
        "action",
    )


def calls(rows: pl.DataFrame) -> int:
    """About how many API calls it takes to send a plan's rows."""
    cut = batches(rows).unique("batch")
    return cut.filter(pl.col("route") == "rest").height + BULK_CALLS * cut.filter(pl.col("route") == "bulk").height


def _cut(families: pl.DataFrame) -> list[int]:
    """The batch of every row, family after family; rows without a parent may be cut anywhere."""
    out: list[int] = []
    batch, used, before = 0, 0, ("", "")
    for sobject, action, parent, n, limit in families.select("sobject", "action", "parent", "n", "limit").iter_rows():
        if (sobject, action) != before or (parent and used and used + n > limit):
            batch, used, before = batch + 1, 0, (sobject, action)
        left = n
        while left:
            if used == limit:
                batch, used = batch + 1, 0
            take = min(left, limit - used)
            out += [batch] * take
            used, left = used + take, left - take
    return out
