"""Counts what the overview shows: records by kind, rows by outcome and day, how fresh each job's data is."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from core.mapping.spec import JobSpec
from core.records import Kind, Outcome, table_of
from core.store.database import Database

_KINDS = (
    "SELECT 'account' AS kind, COUNT(*) AS n FROM account WHERE workspace_id = :w AND deleted_at IS NULL UNION ALL"
    " SELECT 'person', COUNT(*) FROM person WHERE workspace_id = :w AND deleted_at IS NULL UNION ALL"
    " SELECT 'record', COUNT(*) FROM record WHERE workspace_id = :w AND deleted_at IS NULL UNION ALL"
    " SELECT kind, COUNT(*) FROM activity WHERE workspace_id = :w AND deleted_at IS NULL GROUP BY kind"
)
_UNSEEN = (
    "SELECT COUNT(*) FROM (SELECT id, seq, 'account' AS kind FROM account WHERE workspace_id = :w AND deleted_at IS"
    " NULL UNION ALL SELECT id, seq, 'person' FROM person WHERE workspace_id = :w AND deleted_at IS NULL UNION ALL"
    " SELECT id, seq, kind FROM activity WHERE workspace_id = :w AND deleted_at IS NULL AND kind = :k) r"
    " WHERE r.kind = :k AND r.seq > COALESCE((SELECT MAX(m.workspace_seq) FROM mark m WHERE m.workspace_id = :w"
    " AND m.job = :j), 0) AND NOT EXISTS (SELECT 1 FROM link l WHERE l.workspace_id = :w AND l.table_name = :t"
    " AND l.record_id = r.id AND l.state = 'active') AND NOT EXISTS (SELECT 1 FROM open_row o"
    " WHERE o.workspace_id = :w AND o.job = :j AND o.subject = CAST(r.id AS TEXT))"
)
_OPEN_UNLINKED = (
    "SELECT o.job, o.outcome, COUNT(*) AS n FROM open_row o WHERE o.workspace_id = :w"
    " AND NOT EXISTS (SELECT 1 FROM link l WHERE l.workspace_id = :w AND l.state = 'active' AND l.org_id = o.org_id)"
    " AND NOT EXISTS (SELECT 1 FROM link l WHERE l.workspace_id = :w AND l.state = 'active'"
    " AND l.table_name IN ('account', 'person', 'activity') AND l.record_id = o.record_id)"
    " GROUP BY o.job, o.outcome ORDER BY o.job, o.outcome"
)
_BY_DAY = (
    "SELECT started_at, n_created, n_updated, n_deleted, n_unchanged, n_filtered, n_skipped, n_waiting, n_held,"
    " n_rejected, n_in_doubt FROM run WHERE workspace_id = :w AND kind <> 'plan' AND started_at >= :since"
)


def kinds(db: Database, workspace_id: int) -> dict[str, int]:
    """How many records of each kind there are that are not deleted; every kind is named."""
    have = {str(k): int(n) for k, n in db.read(_KINDS, w=workspace_id).iter_rows()}
    return {**{k.value: 0 for k in Kind}, **have}


def data_at(db: Database, workspace_id: int) -> dict[str, datetime]:
    """Job -> when the last run began that came to its end: the sides were compared as of then."""
    found = db.read(
        "SELECT job, MAX(started_at) AS started_at FROM run WHERE workspace_id = :w AND kind <> 'plan'"
        " AND status IN ('complete', 'complete_with_rejects') GROUP BY job",
        w=workspace_id,
    )
    return {job: at for job, at in found.iter_rows() if at is not None}


def unseen(db: Database, workspace_id: int, spec: JobSpec) -> int:
    """Unlinked live records of an outbound job's kind that changed since its mark."""
    params = {"w": workspace_id, "j": spec.name, "k": spec.kind.value, "t": table_of(spec.kind)}
    return int(db.one(_UNSEEN, params) or 0)


def open_unlinked(db: Database, workspace_id: int) -> dict[str, dict[str, int]]:
    """Job -> outcome -> open rows whose record has no partner on the other side."""
    out: dict[str, dict[str, int]] = {}
    for job, outcome, n in db.read(_OPEN_UNLINKED, w=workspace_id).iter_rows():
        out.setdefault(job, {})[outcome] = int(n)
    return out


def by_day(db: Database, workspace_id: int, zone: str, now: datetime, days: int) -> list[dict[str, Any]]:
    """Rows by outcome for each of the last days in the workspace's zone, today last; from the runs' own counters."""
    local = ZoneInfo(zone)
    today = now.astimezone(local).date()
    cells: dict[date, dict[str, int]] = {
        today - timedelta(days=back): {o.value: 0 for o in Outcome} for back in range(days - 1, -1, -1)
    }
    for row in db.read(_BY_DAY, w=workspace_id, since=now - timedelta(days=days + 1)).iter_rows(named=True):
        cell = cells.get(row["started_at"].astimezone(local).date(), {})
        for outcome in cell:
            cell[outcome] += int(row[f"n_{outcome}"])
    return [{"day": day.isoformat(), **cell} for day, cell in cells.items()]
