"""Lists what a sync has deleted in the workspace, and what can be restored."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.audit.opened import EVERYTHING
from core.audit.shape import shaped
from core.store.codec import INSTANT, containing
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
    "total": pl.Int64,
}
"""Columns of `recycle_bin`; ``total`` is how many fit in all."""

_DELETED = (
    'SELECT d.*, COUNT(*) OVER () AS total FROM (SELECT g.table_name AS "table", x.record_id, x.org_id, x.key,'
    " x.title, x.job, x.run_id, g.deleted_at, ROW_NUMBER() OVER (PARTITION BY g.table_name, g.id ORDER BY x.at DESC,"
    " x.run_id DESC) AS place FROM ("
    "SELECT 'account' AS table_name, id, deleted_at FROM account WHERE workspace_id = :w AND deleted_at IS NOT NULL"
    " UNION ALL SELECT 'person', id, deleted_at FROM person WHERE workspace_id = :w AND deleted_at IS NOT NULL"
    " UNION ALL SELECT 'activity', id, deleted_at FROM activity WHERE workspace_id = :w AND deleted_at IS NOT NULL) g"
    " JOIN record_result x ON x.workspace_id = :w AND x.record_id = g.id AND x.outcome = 'deleted'"
    " JOIN run u ON u.run_id = x.run_id AND u.direction = 'inbound'"
    " WHERE CAST(:t AS TEXT) IS NULL OR g.table_name = :t) d WHERE d.place = 1 AND (CAST(:text AS TEXT) IS NULL"
    " OR LOWER(d.title) LIKE :text ESCAPE '!' OR LOWER(d.key) LIKE :text ESCAPE '!'"
    " OR LOWER(COALESCE(d.org_id, '')) LIKE :text ESCAPE '!')"
    ' ORDER BY d.deleted_at DESC, d."table", d.record_id LIMIT :n OFFSET :skip'
)


def recycle_bin(
    db: Database,
    workspace_id: int,
    table: str | None = None,
    *,
    search: str = "",
    limit: int | None = None,
    skip: int = 0,
) -> pl.DataFrame:
    """Records that an inbound run deleted and that are deleted still, the latest first; columns are those of `BIN`.

    Args:
        db: the store.
        workspace_id: whose.
        table: only account, person or activity.
        search: only those with the text in title, key or Id.
        limit: so many at most; all where ``None``.
        skip: leave out so many first.
    """
    n = EVERYTHING if limit is None else limit
    params = {"t": table, "text": containing(search), "n": n, "skip": skip}
    return shaped(db.read(_DELETED, params, w=workspace_id), BIN)
