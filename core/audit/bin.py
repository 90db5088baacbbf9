"""Lists what a sync has deleted in the workspace, and what can be restored."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.audit.shape import shaped
from core.store.codec import INSTANT
from core.store.database import Database

BIN: dict[str, Any] = {
    "table": pl.String,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "key": pl.String,
    "title": pl.String,
    "job": pl.String,
    "run_id": pl.String,
    "deleted_at": INSTANT,
}
"""Columns of `recycle_bin`."""

_DELETED = (
    'SELECT g.table_name AS "table", x.record_id, x.org_id, x.key, x.title, x.job, x.run_id, g.deleted_at FROM ('
    "SELECT 'account' AS table_name, id, deleted_at FROM account WHERE workspace_id = :w AND deleted_at IS NOT NULL"
    " UNION ALL SELECT 'person', id, deleted_at FROM person WHERE workspace_id = :w AND deleted_at IS NOT NULL"
    " UNION ALL SELECT 'activity', id, deleted_at FROM activity WHERE workspace_id = :w AND deleted_at IS NOT NULL) g"
    " JOIN record_result x ON x.workspace_id = :w AND x.record_id = g.id AND x.outcome = 'deleted'"
    " JOIN run u ON u.run_id = x.run_id AND u.direction = 'inbound'"
    " WHERE CAST(:t AS TEXT) IS NULL OR g.table_name = :t ORDER BY g.deleted_at DESC, x.at DESC"
)


def recycle_bin(db: Database, workspace_id: int, table: str | None = None) -> pl.DataFrame:
    """Records that an inbound run deleted and that are deleted still, the latest first; columns are those of `BIN`.

    Args:
        db: the store.
        workspace_id: whose.
        table: only account, person or activity.
    """
    found = shaped(db.read(_DELETED, w=workspace_id, t=table), BIN)
    return found.unique(["table", "record_id"], keep="first", maintain_order=True)
