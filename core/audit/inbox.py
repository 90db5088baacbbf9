"""Lists what waits for a person's decision: one row per question, with both sides, their times and the candidates."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from core.audit import catalog
from core.audit.opened import EVERYTHING, described, stored_candidates
from core.audit.shape import shaped
from core.mapping.spec import JobSpec
from core.planning.choices import Asks, choices
from core.records import RunStatus, table_of
from core.store import questions
from core.store.codec import INSTANT, containing, dumps
from core.store.database import Database

INBOX: dict[str, Any] = {
    "item": pl.String,
    "kind": pl.String,
    "job": pl.String,
    "table": pl.String,
    "record_id": pl.Int64,
    "org_id": pl.String,
    "sobject": pl.String,
    "key": pl.String,
    "title": pl.String,
    "field": pl.String,
    "workspace": pl.String,
    "org": pl.String,
    "baseline": pl.String,
    "workspace_at": INSTANT,
    "org_at": INSTANT,
    "candidates": pl.String,
    "choices": pl.List(pl.String),
    "decided": pl.String,
    "reason": pl.String,
    "since": INSTANT,
}
"""Columns of `inbox`. ``item`` names the question to `decide`; ``kind`` is one of `core.planning.choices.Asks`; of a
conflict there is a row per field, with both values. ``candidates`` is a JSON list of the records it could be;
``choices`` are the words that answer it; ``decided`` is the word that was given and that the next run carries out."""


def inbox(
    db: Database,
    workspace_id: int,
    specs: Sequence[JobSpec],
    *,
    job: str | None = None,
    kind: str | None = None,
    search: str = "",
    subject: str | None = None,
    limit: int | None = None,
    skip: int = 0,
) -> pl.DataFrame:
    """What waits for a person; columns are those of `INBOX`.

    Plans come first, then rows, the oldest first; those of unknown people, which come right by themselves, come last.

    Args:
        db: the store.
        workspace_id: whose.
        specs: all jobs.
        job: only this job's.
        kind: only questions of this kind.
        search: only of rows with the text in title, key, Id, reason or a value in question.
        subject: only of the row of this subject.
        limit: of so many rows at most; all where ``None``. A row in conflict asks once for each field.
        skip: leave out so many rows first.
    """
    known = {s.name: s for s in specs}
    params = {"job": job, "kind": kind, "text": containing(search), "subject": subject}
    read = questions.page(db, workspace_id, params, EVERYTHING if limit is None else limit, skip)
    opened = shaped(read, {**catalog.OPEN_ROWS.types, "asks": pl.String})
    named = _named(db, workspace_id, opened)
    rows = [q for r in opened.iter_rows(named=True) for q in _questions(known[r["job"]], r, named)]
    if not skip and subject is None and kind in (None, Asks.PLAN):
        rows = [*_plans(db, workspace_id, job, search), *rows]
    frame = pl.DataFrame(rows, schema=_RAW, orient="row", infer_schema_length=None)
    for name in ("workspace_at", "org_at"):
        frame = frame.with_columns(pl.col(name).str.to_datetime("%Y-%m-%dT%H:%M:%S%#z", time_unit="us", strict=False))
    return shaped(frame, INBOX)


def count_inbox(db: Database, workspace_id: int, *, job: str | None = None, search: str = "") -> dict[str, int]:
    """How many rows and plans ask a person, by kind, as `inbox` finds them; kinds that nothing asks are left out."""
    params = {"job": job, "text": containing(search), "subject": None}
    found = questions.by_kind(db, workspace_id, params)
    plans = len(_plans(db, workspace_id, job, search))
    return {**found, **({Asks.PLAN.value: plans} if plans else {})}


FIELDS = (Asks.CONFLICT, Asks.OPT_IN)
_RAW = {**INBOX, "workspace_at": pl.String, "org_at": pl.String}


def _named(db: Database, workspace_id: int, opened: pl.DataFrame) -> dict[int, dict[str, Any]]:
    """All candidates of all rows, asked for once."""
    found = {r: (r, rule) for text in opened["candidates"].drop_nulls() for r, rule in stored_candidates(text)}
    return {c["record_id"]: c for c in described(db, workspace_id, list(found.values())).iter_rows(named=True)}


def _questions(spec: JobSpec, row: Mapping[str, Any], named: Mapping[int, Mapping[str, Any]]) -> list[dict[str, Any]]:
    disputed = json.loads(row["disputes"] or "[]")
    found = Asks(row["asks"])
    decision = json.loads(row["decision"] or "{}")
    head = {
        **dict.fromkeys(INBOX),
        **{c: row[c] for c in ("job", "record_id", "org_id", "sobject", "key", "title", "reason", "field")},
        "item": f"{row['job']}:{row['subject']}",
        "kind": found.value,
        "table": table_of(spec.kind),
        "choices": list(choices(found, spec.direction)),
        "decided": decision.get("choice"),
        "since": row["first_at"],
    }
    if found in (Asks.MATCH, Asks.ORG_MATCH, Asks.ORPHAN, Asks.IN_DOUBT):
        meant = [{**named[i], "why": why} for i, why in stored_candidates(row["candidates"]) if i in named]
        return [{**head, "candidates": dumps(meant) if meant else row["candidates"]}]
    if not disputed:
        return [head]
    ruled = {f["field"]: f["ruling"] for f in decision.get("fields") or []}
    sides = ("workspace", "org", "baseline", "workspace_at", "org_at")
    return [
        {
            **head,
            **{c: d[c] for c in sides},
            "item": f"{head['item']}#{d['field']}" if found in FIELDS else head["item"],
            "field": d["field"],
            "decided": _word(ruled.get(d["field"])) if found in FIELDS else head["decided"],
        }
        for d in disputed
    ]


def _word(ruling: str | None) -> str | None:
    return {"ours": "workspace", "theirs": "org"}.get(ruling or "")


def _plans(db: Database, workspace_id: int, job: str | None, search: str) -> list[dict[str, Any]]:
    """Plans that tripped a guard and wait for approval."""
    text = search.strip().lower()
    frame = db.read(
        "SELECT p.plan_id, p.job, p.guards, p.made_at FROM plan p JOIN run r ON r.plan_id = p.plan_id"
        " WHERE p.workspace_id = :w AND r.status = :s AND p.status = 'kept' ORDER BY p.made_at",
        w=workspace_id, s=RunStatus.WAITING_APPROVAL.value,
    )  # fmt: skip
    return [
        {
            **dict.fromkeys(INBOX),
            **dict.fromkeys(("table", "sobject", "field"), ""),
            "item": f"plan:{r['plan_id']}",
            "kind": Asks.PLAN.value,
            "job": r["job"],
            "key": r["plan_id"],
            "title": f"Plan of {r['job']}",
            "choices": ["approve", "discard"],
            "reason": " ".join(g["message"] for g in json.loads(r["guards"] or "[]")),
            "since": r["made_at"],
        }
        for r in frame.iter_rows(named=True)
        if (job is None or r["job"] == job) and text in f"{r['job']} {r['plan_id']} {r['guards'] or ''}".lower()
    ]
