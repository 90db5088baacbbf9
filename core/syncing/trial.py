"""Tries a job with one person of the team, and reads back what arrived in the org, field by field."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from core.errors import NotFound
from core.mapping.spec import JobSpec
from core.planning.conflicts import canonical_text
from core.records import ACTIVITY_KINDS
from core.syncing.context import Context
from core.syncing.plan_out import read_org_now

ROWS = 50
"""So many of a person's latest activities are tried at most."""


def records_of(ctx: Context, spec: JobSpec, email: str, limit: int = ROWS) -> list[int]:
    """The latest activities of the job's kind that a person made.

    Raises:
        NotFound: the person is no user of the workspace who is linked to an org user, or made none.
    """
    linked = ctx.db.one(
        "SELECT COUNT(*) FROM workspace_user WHERE workspace_id = :w AND email = :e AND org_user_id IS NOT NULL",
        w=ctx.workspace_id, e=email.lower(),
    )  # fmt: skip
    if not linked:
        raise NotFound(f"{email} is not linked to a user of the org.", hint="Link them first.")
    kind = spec.kind.value if spec.kind in ACTIVITY_KINDS else ""
    rows = ctx.db.read(
        "SELECT id FROM activity WHERE workspace_id = :w AND kind = :k AND user_email = :e AND deleted_at IS NULL"
        " ORDER BY seq DESC LIMIT :n",
        w=ctx.workspace_id, k=kind, e=email.lower(), n=limit,
    )  # fmt: skip
    if rows.is_empty():
        raise NotFound(f"{email} has made no {spec.kind.value.replace('_', ' ')} yet.", hint="Make a test call first.")
    return [int(i) for i in rows["id"]]


def checklist(ctx: Context, spec: JobSpec, run_id: str) -> list[dict[str, Any]]:
    """What a run wrote, and what the org has of it now.

    Returns:
        One entry per record and field: ``key``, ``title``, ``org_id``, ``field``, ``expected``, ``actual``, ``ok``; a
        record that did not arrive has one entry without a field, with the reason in ``actual``.
    """
    results = ctx.db.read(
        "SELECT key, title, org_id, sobject, action, outcome, reason, request FROM record_result"
        " WHERE workspace_id = :w AND run_id = :r ORDER BY row",
        w=ctx.workspace_id, r=run_id,
    )  # fmt: skip
    out: list[dict[str, Any]] = []
    for sobject, part in results.group_by("sobject", maintain_order=True):
        sent = part.filter(pl.col("request").is_not_null() & pl.col("org_id").is_not_null())
        now = read_org_now(ctx, spec.pair(str(sobject[0])), sent["org_id"].to_list()) if sent.height else None
        theirs = {r["org_id"]: r for r in now.iter_rows(named=True)} if now is not None else {}
        for row in part.iter_rows(named=True):
            out += _entries(row, theirs.get(row["org_id"]))
    return out


def _entries(row: dict[str, Any], theirs: dict[str, Any] | None) -> list[dict[str, Any]]:
    head = {k: row[k] for k in ("key", "title", "org_id")}
    if not row["request"] or theirs is None or theirs["_gone"]:
        there = row["outcome"] == "unchanged"
        return [{**head, "field": "", "expected": "in the org", "actual": row["reason"] or row["outcome"], "ok": there}]
    return [
        {**head, "field": name, "expected": text, "actual": theirs.get(name), "ok": _same(text, theirs.get(name))}
        for name, text in json.loads(row["request"]).items()
        if name in theirs
    ]


def _same(expected: str | None, actual: str | None) -> bool:
    both = pl.DataFrame({"a": [expected], "b": [actual]}, schema={"a": pl.String, "b": pl.String})
    return bool(both.select(canonical_text(pl.col("a")).eq_missing(canonical_text(pl.col("b")))).item())
