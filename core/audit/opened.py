"""Finds the open rows: those that wait, are held, were rejected or are in doubt, alone and by cause."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from core.audit import catalog, causes
from core.audit.shape import shaped
from core.records import OPEN_OUTCOMES
from core.store.codec import containing
from core.store.database import Database
from core.store.records import load_records

EVERYTHING = 2**62
"""A LIMIT that limits nothing."""
_OPEN = (
    "SELECT * FROM open_row WHERE workspace_id = :w AND (CAST(:job AS TEXT) IS NULL OR job = :job)"
    " AND (CAST(:cause AS TEXT) IS NULL OR cause = :cause) AND (CAST(:subject AS TEXT) IS NULL OR subject = :subject)"
    " AND (CAST(:text AS TEXT) IS NULL"
    " OR LOWER(title) LIKE :text ESCAPE '!' OR LOWER(key) LIKE :text ESCAPE '!' OR LOWER(subject) LIKE :text ESCAPE '!'"
    " OR LOWER(COALESCE(org_id, '')) LIKE :text ESCAPE '!' OR LOWER(COALESCE(reason, '')) LIKE :text ESCAPE '!')"
    " AND (CAST(:after_job AS TEXT) IS NULL OR job > :after_job OR (job = :after_job AND subject > :after_subject))"
    " ORDER BY job, subject LIMIT :n OFFSET :skip"
)
_COUNT = (
    "SELECT COUNT(*) FROM open_row WHERE workspace_id = :w AND (CAST(:job AS TEXT) IS NULL OR job = :job)"
    " AND (CAST(:cause AS TEXT) IS NULL OR cause = :cause) AND (CAST(:subject AS TEXT) IS NULL OR subject = :subject)"
    " AND (CAST(:text AS TEXT) IS NULL"
    " OR LOWER(title) LIKE :text ESCAPE '!' OR LOWER(key) LIKE :text ESCAPE '!' OR LOWER(subject) LIKE :text ESCAPE '!'"
    " OR LOWER(COALESCE(org_id, '')) LIKE :text ESCAPE '!' OR LOWER(COALESCE(reason, '')) LIKE :text ESCAPE '!')"
)
CANDIDATES: dict[str, Any] = {
    "record_id": pl.Int64,
    "name": pl.String,
    "title": pl.String,
    "company": pl.String,
    "email": pl.String,
    "phone": pl.String,
    "org_id": pl.String,
    "sobject": pl.String,
    "why": pl.String,
}
"""Columns of `candidates`; ``why`` is the rule that found it. Of an account ``title`` is its industry, ``company`` its
city and ``email`` its domain."""


def open_rows(
    db: Database,
    workspace_id: int,
    *,
    job: str | None = None,
    cause: str | None = None,
    search: str = "",
    subject: str | None = None,
    limit: int | None = 50,
    after: Sequence[str] = (),
    skip: int = 0,
) -> pl.DataFrame:
    """Open rows by job and subject; columns are those of `catalog.OPEN_ROWS`.

    Args:
        db: the store.
        workspace_id: whose.
        job: only this job's.
        cause: only of this cause.
        search: only those with the text, in any case, in title, key, either id or reason.
        subject: only the one of this subject.
        limit: so many at most; all where ``None``.
        after: ``(job, subject)`` of the last row of the page before.
        skip: leave out so many first.
    """
    params = {
        **_wanted(job, cause, search, subject),
        "skip": skip,
        "after_job": after[0] if after else None,
        "after_subject": after[1] if after else None,
        "n": EVERYTHING if limit is None else limit,
    }
    return shaped(db.read(_OPEN, params, w=workspace_id), catalog.OPEN_ROWS.types)


def count_open_rows(
    db: Database, workspace_id: int, *, job: str | None = None, cause: str | None = None, search: str = ""
) -> int:
    """How many open rows there are of a job and cause with the text, as `open_rows` finds them."""
    return int(db.one(_COUNT, _wanted(job, cause, search, None), w=workspace_id) or 0)


def _wanted(job: str | None, cause: str | None, search: str, subject: str | None) -> dict[str, str | None]:
    return {"job": job, "cause": cause, "text": containing(search), "subject": subject}


def open_subjects(
    db: Database, workspace_id: int, *, job: str | None = None, cause: str | None = None, subjects: Sequence[str] = ()
) -> dict[str, list[int]]:
    """The workspace records behind open rows, by job; a job whose rows have no record yet is there with none."""
    frame = open_rows(db, workspace_id, job=job, cause=cause, limit=None)
    if subjects:
        frame = frame.filter(pl.col("subject").is_in(list(subjects)))
    grouped = frame.group_by("job", maintain_order=True).agg(pl.col("record_id").drop_nulls())
    return dict(grouped.iter_rows())


def error_groups(db: Database, workspace_id: int) -> list[dict[str, Any]]:
    """Open rows by job, outcome and cause, the most numerous first.

    Returns:
        ``job, outcome, cause, field`` (the most frequent), ``count``, ``aside`` (how many were put aside), ``words``,
        ``do``, ``example`` (title, key, reason, subject of the latest), ``status_code``, ``oldest_at``, ``latest_at``,
        ``retry_at`` (the next automatic try), ``is_temporary`` (comes right without anybody mending anything).
    """
    groups = db.read(
        "SELECT job, outcome, cause, MAX(status_code) AS status_code, COUNT(*) AS n, SUM(CASE WHEN is_aside THEN 1"
        " ELSE 0 END) AS aside, MIN(first_at) AS first_at, MAX(last_at) AS last_at, MIN(retry_at) AS retry_at,"
        " COALESCE(MAX(CASE WHEN is_aside THEN NULL ELSE subject END), MAX(subject)) AS subject FROM open_row"
        " WHERE workspace_id = :w GROUP BY job, outcome, cause"
        " ORDER BY COUNT(*) DESC, job, cause",
        w=workspace_id,
    )
    return [_group(db, workspace_id, g) for g in groups.iter_rows(named=True)]


def _group(db: Database, workspace_id: int, group: Mapping[str, Any]) -> dict[str, Any]:
    example = db.read(
        "SELECT title, key, reason, field, subject FROM open_row WHERE workspace_id = :w AND job = :j AND subject = :s",
        w=workspace_id, j=group["job"], s=group["subject"],
    ).row(0, named=True)  # fmt: skip
    cause = causes.known(group["cause"])
    return {
        "job": group["job"],
        "outcome": group["outcome"],
        "cause": group["cause"],
        "field": example["field"],
        "count": int(group["n"]),
        "aside": int(group["aside"]),
        "words": cause.words if cause else example["reason"] or group["cause"],
        "do": cause.do if cause else "Mend what the org names, then retry.",
        "example": {k: example[k] for k in ("title", "key", "reason", "subject")},
        "status_code": group["status_code"] or "",
        "oldest_at": group["first_at"],
        "latest_at": group["last_at"],
        "retry_at": group["retry_at"],
        "is_temporary": group["retry_at"] is not None or bool(cause and cause.heals),
    }


def candidates(db: Database, workspace_id: int, job: str, subject: str) -> pl.DataFrame:
    """The people (or accounts) that an ambiguous row could mean; columns are those of `CANDIDATES`."""
    text = db.one(
        "SELECT candidates FROM open_row WHERE workspace_id = :w AND job = :j AND subject = :s",
        w=workspace_id, j=job, s=subject,
    )  # fmt: skip
    return described(db, workspace_id, stored_candidates(text))


def stored_candidates(text: str | None) -> list[tuple[int, str]]:
    """Record numbers of stored candidates with the rule that found each."""
    listed = json.loads(text) if text else []
    return [(int(c["record_id"]), str(c.get("rule") or "")) for c in listed if c.get("record_id") is not None]


def described(db: Database, workspace_id: int, found: Sequence[tuple[int, str]]) -> pl.DataFrame:
    """People and accounts by number, as a person needs to see them to choose; columns are those of `CANDIDATES`."""
    with db.reading(workspace_id) as batch:
        why = pl.DataFrame(found, schema={"record_id": pl.Int64, "rule": pl.String}, orient="row")
        staged = batch.stage(why.unique("record_id", keep="first"))
        # Numbers are unique within the workspace: one record is either a person or an account.
        people = batch.read(
            "SELECT p.id AS record_id, p.name, p.title, p.company, p.email, COALESCE(p.phone, p.mobile_phone) AS phone,"  # noqa: S608
            " l.org_id, l.sobject, s.rule AS why FROM person p"
            f" JOIN {staged} s ON s.record_id = p.id LEFT JOIN link l ON l.workspace_id = p.workspace_id"
            " AND l.table_name = 'person' AND l.record_id = p.id AND l.state = 'active' WHERE p.workspace_id = :w"
            " UNION ALL SELECT a.id, a.name, a.industry, a.city, a.domain, a.phone, l.org_id, l.sobject, s.rule"
            f" FROM account a JOIN {staged} s ON s.record_id = a.id LEFT JOIN link l ON l.workspace_id = a.workspace_id"
            " AND l.table_name = 'account' AND l.record_id = a.id AND l.state = 'active' WHERE a.workspace_id = :w"
            " ORDER BY 2, 1",
            w=workspace_id,
        )
    return shaped(people, CANDIDATES)


def find_people(db: Database, workspace_id: int, text: str, limit: int = 10) -> pl.DataFrame:
    """People whose name, e-mail or phone has the text in it, in any case; columns are those of `CANDIDATES`."""
    found = db.read(
        "SELECT id FROM person WHERE workspace_id = :w AND deleted_at IS NULL AND (LOWER(COALESCE(name, '')) LIKE :t"
        " ESCAPE '!' OR LOWER(COALESCE(email, '')) LIKE :t ESCAPE '!' OR COALESCE(phone, '') LIKE :t ESCAPE '!' OR"
        " COALESCE(mobile_phone, '') LIKE :t ESCAPE '!') ORDER BY name, id LIMIT :n",
        {"t": containing(text) or "%", "n": limit}, w=workspace_id,
    )  # fmt: skip
    return described(db, workspace_id, [(int(i), "") for i in found["id"]])


def open_record(db: Database, workspace_id: int, job: str, subject: str, table: str) -> dict[str, Any]:
    """The workspace record behind an open row, field by field; empty where the row has none yet."""
    found = db.one(
        "SELECT record_id FROM open_row WHERE workspace_id = :w AND job = :j AND subject = :s",
        w=workspace_id, j=job, s=subject,
    )  # fmt: skip
    if found is None:
        return {}
    rows = load_records(db, workspace_id, table, ids=[int(found)])
    return dict(rows.row(0, named=True)) if rows.height else {}


def open_counts(db: Database, workspace_id: int) -> dict[str, dict[str, int]]:
    """Job -> outcome -> number of open rows; every open outcome is named."""
    frame = db.read(
        "SELECT job, outcome, COUNT(*) AS n FROM open_row WHERE workspace_id = :w GROUP BY job, outcome", w=workspace_id
    )
    out: dict[str, dict[str, int]] = {}
    for job, outcome, n in frame.iter_rows():
        out.setdefault(job, {o.value: 0 for o in OPEN_OUTCOMES})[outcome] = int(n)
    return out
