"""Turns time and fresh data into queued runs, each in one transaction with what asked for it."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import structlog

from core.errors import SynclineError
from core.mapping.spec import JobSpec, Schedule
from core.records import Direction
from core.store import runs
from core.store.codec import from_micros
from core.store.database import Batch, Database

log = structlog.get_logger()


def next_run(schedule: Schedule, after: datetime, zone: str) -> datetime | None:
    """When a job runs next by its schedule; ``None`` where it only runs by hand or when woken."""
    if schedule.daily_at:
        hour, minute = (int(p) for p in schedule.daily_at.split(":"))
        local = after.astimezone(ZoneInfo(zone))
        at = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if at <= local:
            at = (at.replace(tzinfo=None) + timedelta(days=1)).replace(tzinfo=ZoneInfo(zone))
        return at.astimezone(after.tzinfo)
    if schedule.every_minutes:
        return after + timedelta(minutes=schedule.every_minutes)
    return None


def ask(batch: Batch, spec: JobSpec, *, actor: str, reason: str, at: datetime, scope: object = None,
        plan_id: str | None = None, kind: str = "run") -> str:  # fmt: skip
    """Queue a run of a job in the caller's transaction; returns the id of the run that will do it."""
    return runs.request(
        batch,
        {
            "run_id": runs.new_id("run", at),
            "job": spec.name,
            "kind": kind,
            "direction": spec.direction.value,
            "actor": actor,
            "reason": reason,
            "requested_at": at,
            "scope": scope,
            "plan_id": plan_id,
        },
    )


def queue_due(db: Database, now: datetime) -> list[str]:
    """Queue a run for every switched-on job whose time has come or whose data is fresh.

    While the org refuses the connection nothing is queued: every run would only say so again.
    """
    due = db.read(
        "SELECT j.workspace_id, j.name, w.zone, j.spec, w.is_paused, w.is_reading_paused FROM job j"
        " JOIN workspace w ON w.id = j.workspace_id WHERE j.is_enabled"
        " AND NOT EXISTS (SELECT 1 FROM connection c WHERE c.workspace_id = w.id AND c.is_master"
        " AND c.state = 'auth_failed') AND (j.is_woken OR (j.next_run_at IS NOT NULL AND j.next_run_at <= :now))",
        now=now,
    )
    free = [
        (int(w), name, zone)
        for w, name, zone, spec, writes, reads in due.iter_rows()
        if not (reads if json.loads(spec).get("direction") == Direction.INBOUND else writes)
    ]
    return [run_id for w, name, zone in free if (run_id := _queued(db, w, name, zone, now))]


def _queued(db: Database, workspace_id: int, name: str, zone: str, now: datetime) -> str | None:
    """One job; one that cannot be read stands back for an hour and does not hold up the others."""
    try:
        return _queue(db, workspace_id, name, zone, now)
    except (ValueError, KeyError, SynclineError) as error:
        log.error("a job could not be queued", job=name, workspace_id=workspace_id, why=str(error)[:300])
        db.execute(
            "UPDATE job SET next_run_at = :at, is_woken = false WHERE workspace_id = :w AND name = :n",
            at=now + timedelta(hours=1),
            w=workspace_id,
            n=name,
        )
        return None


def _queue(db: Database, workspace_id: int, name: str, zone: str, now: datetime) -> str:
    with db.batch(workspace_id) as batch:
        row = batch.read(
            "SELECT spec, is_woken, next_run_at FROM job WHERE workspace_id = :w AND name = :n", w=workspace_id, n=name
        )
        spec = JobSpec.model_validate_json(row.item(0, 0))
        woken = bool(row.item(0, 1))
        at = row.item(0, 2)
        due = at is not None and (at if isinstance(at, datetime) else from_micros(int(at))) <= now
        following = next_run(spec.schedule, now, zone) if due else at
        batch.execute(
            "UPDATE job SET is_woken = false, next_run_at = :at WHERE workspace_id = :w AND name = :n",
            at=following,
            w=workspace_id,
            n=name,
        )
        fresh = "change events" if spec.direction is Direction.INBOUND else "intake"
        return ask(batch, spec, actor="schedule", reason=fresh if woken else "schedule", at=now)
