"""Stops what an inbound job would bring back of somebody who was erased: their new record of the org stays out."""

from __future__ import annotations

import polars as pl

from core.mapping.spec import JobSpec
from core.records import Kind
from core.store import erasing
from core.syncing import excluded
from core.syncing.apply_in import SOURCE
from core.syncing.context import Context
from core.syncing.intake.erased import REFUSED, is_erased

CAUSE = "erased"


def inbound(ctx: Context, spec: JobSpec, rows: pl.DataFrame, mapped: pl.DataFrame) -> pl.DataFrame:
    """Filter new people who were erased, and leave the name out of every row of theirs.

    Args:
        ctx: the run's context.
        spec: the job.
        rows: result of ``planning.inbound.resolve``.
        mapped: the compiled mapping applied to them: ``local_id``, ``w:<field>``.
    """
    if spec.kind is not Kind.PERSON:
        return rows
    with ctx.db.reading(ctx.workspace_id) as batch:
        marks = erasing.erased(batch)
    asked = rows.filter(pl.col("is_create") | pl.col("is_gone").fill_null(value=False)) if marks else rows.clear()
    if asked.is_empty():
        return rows
    given = asked.select("local_id", "Id").join(mapped.select("local_id", pl.col("^w:.*$")), on="local_id")
    found = [
        row["local_id"]
        for row in given.rename(lambda name: name.removeprefix("w:")).iter_rows(named=True)
        if is_erased(row, SOURCE, str(row["Id"]).lower(), marks)
    ]
    if not found:
        return rows
    theirs = pl.col("local_id").is_in(found)
    # The org's name of them would be written into plan and results otherwise.
    rows = rows.with_columns(_title=pl.when(theirs).then(pl.lit(erasing.ERASED)).otherwise("_title"))
    reason = pl.lit(f"{REFUSED[0].upper()}{REFUSED[1:]}.")
    return excluded.left_out(rows, theirs & pl.col("is_create"), CAUSE, reason)
