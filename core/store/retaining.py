"""Keeps values no longer than a workspace wants: for how many days, and the reduction of what is older, once a day."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.store import erasing, ledger, setting
from core.store.database import Database

KEY, DONE = "retention", "retention_day"


def days(db: Database, workspace_id: int) -> dict[str, int]:
    """Days that values are kept, by kind: requests, before_values, plans, ledger_values."""
    return {**erasing.DEFAULTS, **(setting.get(db, workspace_id, KEY) or {})}


def apply(db: Database, workspace_id: int, actor: str, at: datetime) -> dict[str, int]:
    """Reduce what is older than it is to be kept, and write a line in the ledger; rows touched by kind."""
    kept = days(db, workspace_id)
    done = {kind: erasing.reduce(db, workspace_id, kind, at - timedelta(days=n)) for kind, n in kept.items()}
    with db.batch(workspace_id) as batch:
        ledger.write(batch, "retention.applied", "retention", actor=actor, at=at, values=done)
    return done


def apply_once_a_day(db: Database, workspace_id: int, at: datetime) -> dict[str, int] | None:
    """The same for the schedule; ``None`` where it has been done on this day (in UTC)."""
    today = at.date().isoformat()
    if setting.get(db, workspace_id, DONE) == today:
        return None
    setting.put(db, workspace_id, DONE, today)
    return apply(db, workspace_id, "schedule", at)
