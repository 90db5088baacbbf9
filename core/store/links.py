"""Links: which workspace record and which org record are one, with the baseline both last agreed on."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from core.records import Kind, table_of
from core.store.database import Batch, Database

LINK_COLUMNS = (
    "l.id, l.record_id, l.sobject, l.org_id, l.how, l.baseline, l.org_stamp_at, l.org_modified_at,"
    " l.workspace_updated_at"
)


def of_records(batch: Batch, table: str, ids: pl.Series, sobject: str | None = None) -> pl.DataFrame:
    """The active links of workspace records: one row per link."""
    staged = batch.stage(pl.DataFrame({"record_id": ids}, schema={"record_id": pl.Int64}))
    only = " AND l.sobject = :o" if sobject else ""
    frame = batch.read(
        f"SELECT {LINK_COLUMNS} FROM link l JOIN {staged} s ON s.record_id = l.record_id"
        f" WHERE l.workspace_id = :w AND l.table_name = :t AND l.state = 'active'{only}",
        {"w": batch.workspace_id, "t": table, **({"o": sobject} if sobject else {})},
    )
    return _typed(frame)


def of_org(batch: Batch, org_ids: pl.Series, *, state: str = "active") -> pl.DataFrame:
    """The links of org records that are in a state, with ``table_name``."""
    staged = batch.stage(pl.DataFrame({"org_id": org_ids}, schema={"org_id": pl.String}))
    frame = batch.read(
        f"SELECT {LINK_COLUMNS}, l.table_name FROM link l JOIN {staged} s ON s.org_id = l.org_id"
        " WHERE l.workspace_id = :w AND l.state = :state",
        w=batch.workspace_id,
        state=state,
    )
    return _typed(frame)


def count(db: Database, workspace_id: int, kind: Kind, sobjects: Sequence[str]) -> int:
    """How many records of a kind are linked to one of these objects; those that are gone here count as well."""
    table = table_of(kind)
    only = (
        " AND NOT EXISTS (SELECT 1 FROM activity a WHERE a.workspace_id = l.workspace_id AND a.id = l.record_id"
        " AND a.kind <> :k)"
    )
    found = db.read(
        "SELECT l.sobject, COUNT(*) AS n FROM link l WHERE l.workspace_id = :w AND l.table_name = :t"
        f" AND l.state = 'active'{only if table == 'activity' else ''} GROUP BY l.sobject",
        {"w": workspace_id, "t": table, **({"k": kind.value} if table == "activity" else {})},
    )
    counts = dict(found.iter_rows())
    return sum(int(counts.get(s, 0)) for s in sobjects)


def _typed(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("id", "record_id").cast(pl.Int64))


def add(batch: Batch, frame: pl.DataFrame) -> None:
    """Add links; an org record that is linked already keeps the link it has.

    Args:
        batch: the transaction.
        frame: ``table_name, record_id, sobject, org_id, how, evidence, job, run_id, baseline, org_stamp_at,
            org_modified_at, workspace_updated_at, created_at, updated_at``.
    """
    if frame.is_empty():
        return
    first = batch.allocate(frame.height)
    batch.insert(
        "link",
        frame.with_columns(
            id=pl.int_range(first, first + frame.height),
            workspace_id=pl.lit(batch.workspace_id),
            state=pl.lit("active"),
        ),
    )


def end(batch: Batch, org_ids: pl.Series, state: str, at: datetime) -> None:
    """End the active links of org records: ``superseded`` or ``deleted``; they stay as history."""
    staged = batch.stage(pl.DataFrame({"org_id": org_ids}, schema={"org_id": pl.String}))
    batch.execute(
        "UPDATE link SET state = :s, updated_at = :at WHERE workspace_id = :w AND state = 'active'"
        f" AND org_id IN (SELECT org_id FROM {staged})",
        s=state,
        at=at,
        w=batch.workspace_id,
    )
