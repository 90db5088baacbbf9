"""Takes users of the workspace in, and links them to org users by e-mail where exactly one fits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from core.connections.intake import Row
from core.store.database import Batch
from core.syncing.intake.decide import Answer

_COLUMNS = ("name", "zone", "is_active")
_BLANK: dict[str, Any] = {"name": "", "zone": "", "is_active": True}


def take_users(batch: Batch, rows: Sequence[Row]) -> list[Answer]:
    """Add and change users; who is missing stays, who is inactive stays and is marked so."""
    known = {u["email"]: u for u in _stored(batch).iter_rows(named=True)}
    touched: dict[str, None] = {}
    answers = []
    for row in rows:
        email = row.values["email"]
        # A cleared name or zone is an empty text here: these columns know no null.
        given = {c: _BLANK[c] if row.values[c] is None else row.values[c] for c in _COLUMNS if c in row.values}
        before = known.get(email)
        result = "created" if before is None else "updated"
        if before is not None and all(before[c] == v for c, v in given.items()):
            result = "unchanged"
        else:
            known[email] = {"email": email, **(before or _BLANK), **given}
            touched[email] = None
        answers.append(Answer(row.external_id or email, result))
    if touched:
        frame = pl.DataFrame([{c: known[e][c] for c in ("email", *_COLUMNS)} for e in touched])
        frame = frame.with_columns(pl.lit(batch.workspace_id).alias("workspace_id"))
        _insert_new(batch, frame)
        batch.update("workspace_user", frame, ("workspace_id", "email"))
    link_users(batch)
    return answers


def link_users(batch: Batch) -> int:
    """Link users without an org user to the one that has their e-mail; among several only to a lone active one."""
    return batch.execute(
        "UPDATE workspace_user SET linked_how = 'email', org_user_id = (SELECT MAX(o.org_id) FROM org_user o "
        "WHERE o.workspace_id = workspace_user.workspace_id AND LOWER(o.email) = workspace_user.email "
        "AND (o.is_active OR NOT EXISTS (SELECT 1 FROM org_user a WHERE a.workspace_id = o.workspace_id "
        "AND LOWER(a.email) = LOWER(o.email) AND a.is_active))) "
        "WHERE workspace_id = :w AND org_user_id IS NULL AND linked_how <> 'by hand' AND 1 = (SELECT COUNT(*) "
        "FROM org_user o WHERE o.workspace_id = workspace_user.workspace_id AND LOWER(o.email) = workspace_user.email "
        "AND (o.is_active OR NOT EXISTS (SELECT 1 FROM org_user a WHERE a.workspace_id = o.workspace_id "
        "AND LOWER(a.email) = LOWER(o.email) AND a.is_active)))",
        w=batch.workspace_id,
    )


def _stored(batch: Batch) -> pl.DataFrame:
    return batch.read(
        "SELECT email, name, zone, is_active FROM workspace_user WHERE workspace_id = :w", w=batch.workspace_id
    )


def _insert_new(batch: Batch, frame: pl.DataFrame) -> None:
    blank = frame.with_columns(pl.lit("").alias("linked_how"))
    names = ", ".join(blank.columns)
    batch.execute(
        f"INSERT INTO workspace_user ({names}) SELECT {names} FROM {batch.stage(blank)} WHERE true "  # noqa: S608
        "ON CONFLICT (workspace_id, email) DO NOTHING"
    )
