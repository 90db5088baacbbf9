"""Tells how a workspace does: its jobs worst first, what needs a person, how fresh its data is, whether it can work."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlmodel import SQLModel

from core.audit.bin import recycle_bin
from core.audit.counts import kinds
from core.audit.inbox import count_inbox, inbox
from core.audit.jobs import jobs, schedule_words
from core.audit.opened import (
    candidates,
    count_open_rows,
    error_groups,
    find_people,
    open_record,
    open_rows,
    open_subjects,
)
from core.audit.overview import overview
from core.mapping.spec import JobSpec
from core.records import ACTIVITY_KINDS, Direction, Kind, table_of, workspace_fields
from core.store.database import Database

__all__ = [
    "candidates",
    "count_inbox",
    "count_open_rows",
    "error_groups",
    "find_people",
    "inbox",
    "jobs",
    "kinds",
    "open_record",
    "open_rows",
    "open_subjects",
    "overview",
    "readiness",
    "recycle_bin",
    "schedule_words",
    "value_counts",
]
WORKER_SILENCE = timedelta(seconds=30)
"""A worker that gave no sign of life for so long is taken for gone."""
MOST_VALUES = 200


def readiness(db: Database, workspace_id: int, now: datetime) -> dict[str, bool | str]:
    """Whether ``database``, ``worker`` and ``org`` answer; beside one that does not, ``<name>_reason`` says why."""
    told = {"database": "", "worker": _worker_silent(db, now), "org": _org_silent(db, workspace_id)}
    reasons = {f"{name}_reason": why for name, why in told.items() if why}
    return {**{name: not why for name, why in told.items()}, **reasons}


def _worker_silent(db: Database, now: datetime) -> str:
    seen = db.read("SELECT MAX(seen_at) AS seen_at FROM worker").item()
    if seen is None:
        return "No worker is running."
    silent = now - seen
    late = f"The worker has given no sign of life for {int(silent.total_seconds())} seconds."
    return late if silent >= WORKER_SILENCE else ""


def _org_silent(db: Database, workspace_id: int) -> str:
    found = db.read(
        "SELECT state, state_reason FROM connection WHERE workspace_id = :w ORDER BY is_master DESC, id LIMIT 1",
        w=workspace_id,
    )
    if found.is_empty():
        return "No org is connected."
    state, reason = found.row(0)
    return "" if state == "ok" else str(reason or f"The connection is {state}.")


def value_counts(db: Database, workspace_id: int, spec: JobSpec) -> dict[str, dict[str, int]]:
    """Workspace field -> value -> number of live records, for an outbound job's fields that go through a value map.

    The most frequent values come first, at most `MOST_VALUES` of a field.
    """
    if spec.direction is not Direction.OUTBOUND:
        return {}
    mapped = [m.source for p in spec.pairs for m in p.mappings if m.value_map is not None and m.source]
    return {source: _values(db, workspace_id, spec.kind, source) for source in dict.fromkeys(mapped)}


def _values(db: Database, workspace_id: int, kind: Kind, source: str) -> dict[str, int]:
    column = _column(kind, source)
    if column is None:
        return {}
    table = SQLModel.metadata.tables[table_of(kind)]
    cell = table.c[column]
    query = select(cell, func.count()).where(table.c.workspace_id == workspace_id, table.c.deleted_at.is_(None))
    if kind in ACTIVITY_KINDS:
        query = query.where(table.c.kind == kind.value)
    with db.session() as session:
        rows = session.connection().execute(query.where(cell.is_not(None)).group_by(cell)).all()
    counts: dict[str, int] = {}
    for value, n in rows:
        text = _custom(value, source.removeprefix("fields.")) if column == "fields" else str(value)
        if text:
            counts[text] = counts.get(text, 0) + int(n)
    most = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return dict(most[:MOST_VALUES])


_STORED_AS = {"user": "user_email", "created_on": "created_on_at"}


def _column(kind: Kind, source: str) -> str | None:
    """The store's column behind a workspace field; ``fields`` for a custom one, ``None`` for one that has none."""
    if source.startswith("fields."):
        return "fields"
    known = {f.name for f in workspace_fields(kind)} - {"account", "person"}
    if source not in known:
        return None
    if kind is Kind.PERSON and source == "source":
        return "lead_source"
    return _STORED_AS.get(source, source)


def _custom(text: str, name: str) -> str:
    value = json.loads(text).get(name)
    return "" if value is None else str(value)
