"""Reads and writes a workspace's settings, one JSON value by name: the only way to that table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.store.codec import dumps
from core.store.database import Batch, Database
from core.store.tables import Setting


def get(db: Database, workspace_id: int, key: str) -> Any:
    """A setting's value; ``None`` where it was never set."""
    with db.session() as session:
        row = session.get(Setting, (workspace_id, key))
    return row.value if row else None


def put(db: Database, workspace_id: int, key: str, value: Any) -> None:
    """Set it."""
    change(db, workspace_id, key, lambda _: value)


def change(db: Database, workspace_id: int, key: str, to: Callable[[Any], Any]) -> None:
    """Set it to what ``to`` makes of its present value (``None`` where it was never set), in one transaction."""
    with db.writing() as session:
        row = session.get(Setting, (workspace_id, key)) or Setting(workspace_id=workspace_id, key=key)
        row.value = to(row.value)
        session.add(row)
        session.commit()


def put_in(batch: Batch, key: str, value: Any) -> None:
    """Set it in the caller's transaction."""
    batch.execute(
        "INSERT INTO setting (workspace_id, key, value) VALUES (:w, :k, :v) ON CONFLICT (workspace_id, key)"
        " DO UPDATE SET value = excluded.value",
        w=batch.workspace_id, k=key, v=dumps(value),
    )  # fmt: skip


def drop(db: Database, workspace_id: int, key: str) -> None:
    """Forget it."""
    db.execute("DELETE FROM setting WHERE workspace_id = :w AND key = :k", w=workspace_id, k=key)
