"""Lists the jobs of a workspace with their state: on or off, next and last run, open rows, linked records."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from core.audit.opened import open_counts
from core.mapping.spec import JobSpec, Schedule
from core.records import OPEN_OUTCOMES, Direction
from core.store import listening, runs
from core.store.database import Database

_LAST_RUNS = (
    "SELECT * FROM (SELECT r.*, ROW_NUMBER() OVER (PARTITION BY job ORDER BY requested_at DESC, run_id DESC) AS place"
    " FROM run r WHERE workspace_id = :w AND kind <> 'plan') ranked WHERE place = 1"
)
_LINKED = (
    "SELECT l.sobject, COALESCE(a.kind, l.table_name) AS kind, COUNT(*) AS n FROM link l LEFT JOIN activity a ON"
    " a.workspace_id = l.workspace_id AND l.table_name = 'activity' AND a.id = l.record_id WHERE l.workspace_id = :w"
    " AND l.state = 'active' GROUP BY l.sobject, COALESCE(a.kind, l.table_name)"
)


def jobs(db: Database, workspace_id: int, specs: Sequence[JobSpec]) -> list[dict[str, Any]]:
    """One entry per job, in the order of ``specs``.

    Returns:
        ``name, title, direction, kind, sobjects, template, is_enabled, enabled_by, is_woken, next_run_at`` (instant or
        ``None``), ``schedule`` (in words), ``as_it_happens, last_run`` (a run as interfaces print it with ``error`` and
        ``reason``, or ``None``), ``open`` (count by open outcome), ``linked`` (active links of its kind and objects),
        ``changes`` (inbound and as it happens: ``state``, listening or polling, with ``reason`` and ``since_at``; else
        ``None``).
    """
    heads = db.read(
        "SELECT name, is_enabled, enabled_by, next_run_at, is_woken FROM job WHERE workspace_id = :w", w=workspace_id
    )
    state = {r["name"]: r for r in heads.iter_rows(named=True)}
    last, open_, linked = last_runs(db, workspace_id), open_counts(db, workspace_id), linked_counts(db, workspace_id)
    none = {o.value: 0 for o in OPEN_OUTCOMES}
    heard = listening.read(db, workspace_id)
    return [
        {
            "name": s.name,
            "title": s.title,
            "direction": s.direction.value,
            "kind": s.kind.value,
            "sobjects": [p.sobject for p in s.pairs],
            "template": s.template,
            "is_enabled": bool(state.get(s.name, {}).get("is_enabled")),
            "enabled_by": state.get(s.name, {}).get("enabled_by"),
            "is_woken": bool(state.get(s.name, {}).get("is_woken")),
            "next_run_at": state.get(s.name, {}).get("next_run_at"),
            "schedule": schedule_words(s.schedule),
            "as_it_happens": s.schedule.as_it_happens,
            "changes": listening.of_job(heard, [p.sobject for p in s.pairs]) if _listens(s) else None,
            "last_run": last.get(s.name),
            "open": open_.get(s.name, none),
            "linked": sum(linked.get((p.sobject, s.kind.value), 0) for p in s.pairs),
        }
        for s in specs
    ]


def _listens(spec: JobSpec) -> bool:
    return spec.schedule.as_it_happens and spec.direction is Direction.INBOUND


def last_runs(db: Database, workspace_id: int) -> dict[str, dict[str, Any]]:
    """Job -> its latest run as interfaces print it, with ``reason`` and ``error``; plans that are kept do not count."""
    frame = db.read(_LAST_RUNS, w=workspace_id)
    return {
        r["job"]: {
            **runs.as_json(r),
            "reason": r["reason"],
            "planned": r["n_planned"],
            "plan_id": r["plan_id"],
            "error": json.loads(r["error"]) if r["error"] else None,
        }
        for r in frame.iter_rows(named=True)
    }


def linked_counts(db: Database, workspace_id: int) -> dict[tuple[str, str], int]:
    """(org object, kind of the workspace record) -> number of active links."""
    frame = db.read(_LINKED, w=workspace_id)
    return {(sobject, kind): int(n) for sobject, kind, n in frame.iter_rows()}


def schedule_words(schedule: Schedule) -> str:
    """When a job runs, as people say it."""
    if schedule.daily_at:
        base = f"daily at {schedule.daily_at}"
    elif schedule.every_minutes:
        base = _interval(schedule.every_minutes)
    else:
        return "as it happens" if schedule.as_it_happens else "by hand"
    return f"as it happens, and {base}" if schedule.as_it_happens else base


def _interval(minutes: int) -> str:
    for size, word in ((1440, "day"), (60, "hour")):
        if minutes % size == 0:
            return f"every {word}" if minutes == size else f"every {minutes // size} {word}s"
    return "every minute" if minutes == 1 else f"every {minutes} minutes"
