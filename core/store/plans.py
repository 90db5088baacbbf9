"""Kept plans and their rows."""

from __future__ import annotations

import polars as pl

from core.errors import NotFound, PlanStale
from core.store.database import Database

OPEN = ("kept", "approved")


def list_frame(db: Database, workspace_id: int, limit: int) -> pl.DataFrame:
    """Plans, newest first, with all columns of the plan table."""
    return db.read(
        "SELECT * FROM plan WHERE workspace_id = :w ORDER BY made_at DESC, plan_id DESC LIMIT :n",
        w=workspace_id,
        n=limit,
    )


def head(db: Database, workspace_id: int, plan_id: str) -> dict[str, object]:
    """One plan's row.

    Raises:
        NotFound: the workspace has no such plan.
    """
    frame = db.read("SELECT * FROM plan WHERE workspace_id = :w AND plan_id = :p", w=workspace_id, p=plan_id)
    if frame.is_empty():
        raise NotFound(f"There is no plan {plan_id}.", hint="`syncline plans list` names them.")
    return frame.row(0, named=True)


def rows_page(
    db: Database, workspace_id: int, plan_id: str, outcome: str | None, after: int, limit: int
) -> pl.DataFrame:
    """Rows of a plan by number, from the one after ``after``."""
    return db.read(
        "SELECT * FROM change WHERE workspace_id = :w AND plan_id = :p AND row > :a AND (:o = '' OR outcome = :o)"
        " ORDER BY row LIMIT :n",
        w=workspace_id,
        p=plan_id,
        a=after,
        o=outcome or "",
        n=limit,
    )


def mark(db: Database, workspace_id: int, plan_id: str, status: str, actor: str) -> None:
    """Approve or discard an open plan.

    Raises:
        PlanStale: it is not open any more.
    """
    touched = db.execute(
        "UPDATE plan SET status = :s, approved_by = CASE WHEN :s = 'approved' THEN :who ELSE approved_by END"
        " WHERE workspace_id = :w AND plan_id = :p AND status IN ('kept', 'approved')",
        s=status,
        who=actor,
        w=workspace_id,
        p=plan_id,
    )
    if not touched:
        raise PlanStale("That plan is not open any more.", hint="Make a new one.")
