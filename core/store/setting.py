"""Reads and writes a workspace's settings, one JSON value by name."""

from __future__ import annotations

from typing import Any

from core.store.database import Database
from core.store.tables import Setting


def get(db: Database, workspace_id: int, key: str) -> Any:
    """A setting's value; ``None`` where it was never set."""
    with db.session() as session:
        row = session.get(Setting, (workspace_id, key))
    return row.value if row else None


def put(db: Database, workspace_id: int, key: str, value: Any) -> None:
    """Set it."""
    with db.writing() as session:
        row = session.get(Setting, (workspace_id, key)) or Setting(workspace_id=workspace_id, key=key)
        row.value = value
        session.add(row)
        session.commit()
