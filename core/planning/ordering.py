"""Puts a plan's writes in order and cuts them into batches."""

from __future__ import annotations

import polars as pl

PER_REQUEST = 1_000
"""Rows of one composite request: five collections of 200."""
BULK_FROM = 5_001
"""So many rows of one action go through Bulk API 2.0."""
PER_BULK_JOB = 100_000

_ACTION_ORDER = {"delete": 0, "update": 1, "create": 2}


def batches(rows: pl.DataFrame) -> pl.DataFrame:
    """Number the rows that are to be sent.

    Args:
        rows: a plan's rows with ``row`` Int64.

    Returns:
        ``row``, ``batch`` Int64 (from 1), ``route`` (``rest`` or ``bulk``), ``sobject``, ``action``: rows of one
        batch share object and action; rows of one parent lie together, so that no two batches lock the same parent.
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
    place = pl.int_range(pl.len()).over("sobject", "action")
    cut = doing.with_columns(
        pl.when(bulk).then(pl.lit("bulk")).otherwise(pl.lit("rest")).alias("route"),
        (place // pl.when(bulk).then(PER_BULK_JOB).otherwise(PER_REQUEST)).alias("_cut"),
    )
    group = pl.struct("_order", "sobject", "action", "_cut").rle_id()
    return cut.select("row", (group + 1).cast(pl.Int64).alias("batch"), "route", "sobject", "action")
