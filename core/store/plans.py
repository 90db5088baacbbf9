"""Kept plans and their rows."""

from __future__ import annotations

import polars as pl

from core.errors import NotFound, PlanStale
from core.store.codec import containing
from core.store.database import Database

OPEN = ("kept", "approved")


def list_frame(
    db: Database, workspace_id: int, limit: int, job: str | None = None, status: str | None = None, skip: int = 0
) -> pl.DataFrame:
    """Plans, newest first, with all columns of the plan table and ``total``: how many fit in all."""
    return db.read(
        "SELECT *, COUNT(*) OVER () AS total FROM plan WHERE workspace_id = :w AND (:j = '' OR job = :j)"
        " AND (:s = '' OR status = :s) ORDER BY made_at DESC, plan_id DESC LIMIT :n OFFSET :skip",
        w=workspace_id,
        n=limit,
        j=job or "",
        s=status or "",
        skip=skip,
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


_ROWS = (
    "FROM change WHERE workspace_id = :w AND plan_id = :p AND row > :a AND (:o = '' OR outcome = :o)"
    " AND (:so = '' OR sobject = :so) AND (:t = '' OR LOWER(title) LIKE :t ESCAPE '!' OR LOWER(key) LIKE :t ESCAPE '!'"
    " OR LOWER(COALESCE(org_id, '')) LIKE :t ESCAPE '!' OR LOWER(COALESCE(reason, '')) LIKE :t ESCAPE '!')"
)


def rows_page(
    db: Database,
    workspace_id: int,
    plan_id: str,
    outcome: str | None,
    after: int,
    limit: int,
    *,
    sobject: str = "",
    search: str = "",
    skip: int = 0,
) -> pl.DataFrame:
    """Rows of a plan by number, from the one after ``after``, or with the first ``skip`` left out."""
    params = _wanted(plan_id, outcome, sobject, search)
    return db.read(
        f"SELECT * {_ROWS} ORDER BY row LIMIT :n OFFSET :skip", {**params, "a": after, "n": limit, "skip": skip},
        w=workspace_id,
    )  # fmt: skip


def rows_found(
    db: Database, workspace_id: int, plan_id: str, outcome: str | None, sobject: str = "", search: str = ""
) -> pl.DataFrame:
    """How many rows of a plan fit, by object and cause: ``sobject, cause, reason`` (one of them), ``n`` Int64."""
    found = db.read(
        f"SELECT sobject, cause, MIN(reason) AS reason, COUNT(*) AS n {_ROWS} GROUP BY sobject, cause"
        " ORDER BY COUNT(*) DESC, sobject, cause",
        {**_wanted(plan_id, outcome, sobject, search), "a": 0}, w=workspace_id,
    )  # fmt: skip
    return found.cast({"sobject": pl.String, "cause": pl.String, "reason": pl.String, "n": pl.Int64})


def _wanted(plan_id: str, outcome: str | None, sobject: str, search: str) -> dict[str, str]:
    return {"p": plan_id, "o": outcome or "", "so": sobject, "t": containing(search) or ""}


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
