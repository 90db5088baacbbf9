"""Counts activities of a time by what became of them, and lists them a page at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from core.records import OPEN_OUTCOMES
from core.store.codec import to_micros
from core.store.database import Database

_DAY = 86_400_000_000
_OPENED = ", ".join(f"'{o.value}'" for o in OPEN_OUTCOMES)
_LATEST = (
    "(SELECT x.{} FROM record_result x JOIN run r ON r.run_id = x.run_id AND r.workspace_id = x.workspace_id"
    " AND r.direction = 'outbound' WHERE x.workspace_id = :w AND x.record_id = {}.id"
    " ORDER BY x.at DESC, x.run_id DESC LIMIT 1)"
)
_OPEN = (
    "(SELECT o.{} FROM open_row o WHERE o.workspace_id = :w AND o.record_id = {}.id"
    " ORDER BY o.last_at DESC, o.job LIMIT 1)"
)
# An activity has its own instant, or else that at which it came in; each half of the OR has the index to itself.
_INSIDE = (
    "((a.occurred_at >= :since AND a.occurred_at < :until)"
    " OR (a.occurred_at IS NULL AND a.created_at >= :since AND a.created_at < :until))"
)
_HEADS = (
    "SELECT a.id, a.kind, COALESCE(a.occurred_at, a.created_at) AS at,"
    " LOWER(COALESCE(a.user_email, '')) AS who,"
    " COALESCE(a.outcome, '') AS result, a.deleted_at, a.source, a.external_id, a.subject, a.direction, a.duration_s,"
    " (SELECT l.id FROM link l WHERE l.workspace_id = :w AND l.table_name = 'activity' AND l.record_id = a.id"
    " ORDER BY CASE WHEN l.state = 'active' THEN 0 ELSE 1 END, l.id DESC LIMIT 1) AS link_id"
    f" FROM activity a WHERE a.workspace_id = :w AND {_INSIDE}"
)
_TOLD = (
    "SELECT h.*, l.org_id, CASE WHEN l.how = 'created_in' THEN 'org' ELSE 'workspace' END AS origin,"
    " CASE WHEN h.deleted_at IS NOT NULL OR l.state = 'deleted' THEN 'deleted' WHEN l.state = 'active' THEN 'synced'"
    f" ELSE COALESCE((SELECT o FROM (SELECT {_OPEN.format('outcome', 'h')} AS o) q WHERE o IN ({_OPENED})),"
    f" (SELECT CASE WHEN r IN ('filtered', 'skipped', {_OPENED}) THEN r WHEN r IS NOT NULL"
    " THEN CAST(:no_trace AS TEXT) END"
    f" FROM (SELECT {_LATEST.format('outcome', 'h')} AS r) q), 'not_yet_run') END AS sync_state"
    f" FROM ({_HEADS}) h LEFT JOIN link l ON l.workspace_id = :w AND l.id = h.link_id"
)
_WHERE = (
    " WHERE (CAST(:kind AS TEXT) IS NULL OR kind = :kind) AND (CAST(:who AS TEXT) IS NULL OR who = :who)"
    " AND (CAST(:result AS TEXT) IS NULL OR TRIM(result) = :result)"
    " AND (CAST(:state AS TEXT) IS NULL OR sync_state = :state)"
    " AND (CAST(:origin AS TEXT) IS NULL OR origin = :origin)"
)
_EARLIEST = (
    "SELECT MIN(occurred_at) AS occurred_at, MIN(created_at) AS created_at FROM activity WHERE workspace_id = :w"
)
_CAUSE, _REASON = (
    f"COALESCE({_OPEN.format(column, 'p')}, {_LATEST.format(column, 'p')}) AS {column}"
    for column in ("cause", "reason")
)
_LISTED = (
    f"SELECT p.*, {_CAUSE}, {_REASON} FROM (SELECT * FROM ({_TOLD}) t{_WHERE}"
    " ORDER BY at DESC, id DESC LIMIT :n OFFSET :skip) p ORDER BY at DESC, id DESC"
)


def earliest(db: Database, workspace_id: int) -> datetime | None:
    """When the first activity was, or came in; ``None`` without any."""
    known = [at for at in db.read(_EARLIEST, w=workspace_id).row(0) if at is not None]
    return min(known, default=None)


def counted(
    db: Database,
    workspace_id: int,
    since: datetime,
    until: datetime,
    offsets: Sequence[tuple[datetime | None, int]],
    no_trace: str,
) -> pl.DataFrame:
    """Activities from ``since`` to before ``until``: ``day`` (since 1970), who, kind, outcome, origin, sync_state, n.

    Args:
        db: the store.
        workspace_id: whose.
        since: the beginning.
        until: the end.
        offsets: the zone's offset from UTC in seconds and until when it holds, in order; the last without an end.
        no_trace: the ``sync_state`` of one that a result calls written and no link proves.
    """
    cases = "".join(f" WHEN at < {to_micros(end)} THEN {offset}" for end, offset in offsets if end is not None)
    last = offsets[-1][1]
    day = f"(at + 1000000 * {f'CASE{cases} ELSE {last} END' if cases else last}) / {_DAY}"
    return db.read(
        f"SELECT {day} AS day, who, kind, TRIM(result) AS outcome, origin, sync_state, COUNT(*) AS n"
        f" FROM ({_TOLD}) t GROUP BY 1, 2, 3, 4, 5, 6",
        {"since": to_micros(since), "until": to_micros(until), "no_trace": no_trace}, w=workspace_id,
    )  # fmt: skip


def listed(
    db: Database,
    workspace_id: int,
    since: datetime,
    until: datetime,
    no_trace: str,
    only: Mapping[str, Any],
    most: int,
    skip: int,
) -> pl.DataFrame:
    """Activities from ``since`` to before ``until``, the latest first, with the latest cause and reason of each.

    ``only`` has ``kind``, ``who``, ``result``, ``state`` and ``origin``, each or ``None``.
    """
    span = {"since": to_micros(since), "until": to_micros(until), "no_trace": no_trace}
    return db.read(_LISTED, {**span, **only, "n": most, "skip": skip}, w=workspace_id)
