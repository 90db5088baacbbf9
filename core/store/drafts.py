"""Keeps what somebody has changed in a job and not saved yet, one draft for each person and job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import select

from core.errors import SavedMeanwhile
from core.store import setting
from core.store.database import Database
from core.store.tables import Job


def keep(db: Database, workspace_id: int, actor: str, job: str, spec: Any, version: int, at: datetime) -> None:
    """Keep a draft, with the version of the job that it began from."""
    setting.put(db, workspace_id, _key(actor, job), {"spec": spec, "version": version, "at": at.isoformat()})


def get(db: Database, workspace_id: int, actor: str, job: str) -> dict[str, Any] | None:
    """A draft: ``spec``, ``version``, ``at``; ``None`` where nothing is kept."""
    kept = setting.get(db, workspace_id, _key(actor, job))
    return dict(kept) if kept else None


def drop(db: Database, workspace_id: int, actor: str, job: str) -> None:
    """Forget a draft."""
    setting.drop(db, workspace_id, _key(actor, job))


def head(db: Database, workspace_id: int, job: str) -> dict[str, Any]:
    """Which version of a job is saved, when and by whom; version 0 where there is no such job."""
    with db.session() as session:
        row = session.exec(select(Job).where(Job.workspace_id == workspace_id, Job.name == job)).first()
    if row is None:
        return {"version": 0, "updated_at": None, "updated_by": ""}
    return {"version": row.version, "updated_at": row.updated_at, "updated_by": row.updated_by}


def require(saved: int, expected: int | None, who: str) -> None:
    """See to it that nobody has saved since.

    Raises:
        SavedMeanwhile: somebody has.
    """
    if expected is not None and saved != expected:
        raise SavedMeanwhile(
            f"{who or 'Somebody'} saved this job while you were editing it.",
            hint="Look at what differs, then keep yours or take theirs.",
        )


def _key(actor: str, job: str) -> str:
    return f"draft:{actor.lower()}:{job}"
