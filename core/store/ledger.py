"""The append-only ledger: events, with their erasable values kept apart, and open rows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from core.store.codec import containing, dumps
from core.store.database import Batch, Database

RETRY_AFTER = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=60))
"""Temporary errors are tried again after these times, one after the other; the last repeats."""


def write(
    batch: Batch,
    kind: str,
    subject: str,
    *,
    actor: str,
    at: datetime,
    run_id: str | None = None,
    detail: str = "",
    values: Any = None,
) -> int:
    """Write one line; returns its number."""
    number = batch.allocate(1)
    batch.execute(
        "INSERT INTO event (workspace_id, id, at, actor, kind, subject, run_id, detail)"
        " VALUES (:w, :id, :at, :actor, :kind, :subject, :run_id, :detail)",
        w=batch.workspace_id,
        id=number,
        at=at,
        actor=actor,
        kind=kind,
        subject=subject,
        run_id=run_id,
        detail=detail,
    )
    if values is not None:
        batch.execute(
            "INSERT INTO event_value (workspace_id, event_id, body) VALUES (:w, :id, :body)",
            w=batch.workspace_id,
            id=number,
            body=dumps(values),
        )
    return number


def write_many(batch: Batch, lines: pl.DataFrame) -> None:
    """Write many lines: ``at, actor, kind, subject, run_id, detail`` and ``body`` (JSON text or null)."""
    if lines.is_empty():
        return
    first = batch.allocate(lines.height)
    numbered = lines.with_columns(id=pl.int_range(first, first + lines.height), workspace_id=pl.lit(batch.workspace_id))
    batch.insert("event", numbered.select("workspace_id", "id", "at", "actor", "kind", "subject", "run_id", "detail"))
    bodies = numbered.filter(pl.col("body").is_not_null()).select("workspace_id", "body", event_id="id")
    batch.insert("event_value", bodies)


def found(
    db: Database, workspace_id: int, topics: Sequence[str], *, search: str = "", limit: int = 50, skip: int = 0
) -> pl.DataFrame:
    """Events whose kind begins with one of the topics and a dot, newest first, each with its values as ``body``.

    Args:
        db: the store.
        workspace_id: whose.
        topics: first words of kinds, such as ``job`` for ``job.saved``.
        search: only those with the text, in any case, in subject, actor, kind or detail.
        limit: so many at most.
        skip: leave out so many first.

    Returns:
        ``id, at, actor, kind, subject, detail, body, total``; ``total`` is how many fit in all.
    """
    params: dict[str, Any] = {f"k{n}": f"{topic}.%" for n, topic in enumerate(topics)}
    kinds = " OR ".join(f"e.kind LIKE :{name}" for name in params)
    return db.read(
        "SELECT e.id, e.at, e.actor, e.kind, e.subject, e.detail, v.body, COUNT(*) OVER () AS total FROM event e"
        " LEFT JOIN event_value v ON v.workspace_id = e.workspace_id AND v.event_id = e.id WHERE e.workspace_id = :w"
        f" AND ({kinds}) AND (CAST(:text AS TEXT) IS NULL OR LOWER(e.subject) LIKE :text ESCAPE '!'"
        " OR LOWER(e.actor) LIKE :text ESCAPE '!' OR LOWER(e.kind) LIKE :text ESCAPE '!'"
        " OR LOWER(e.detail) LIKE :text ESCAPE '!') ORDER BY e.id DESC LIMIT :n OFFSET :skip",
        {**params, "text": containing(search), "n": limit, "skip": skip}, w=workspace_id,
    )  # fmt: skip


def settle_open(batch: Batch, job: str, subjects: pl.Series) -> None:
    """Take away the open rows of records that are settled now."""
    if subjects.is_empty():
        return
    staged = batch.stage(pl.DataFrame({"subject": subjects}, schema={"subject": pl.String}))
    batch.execute(
        f"DELETE FROM open_row WHERE workspace_id = :w AND job = :j AND subject IN (SELECT subject FROM {staged})",
        w=batch.workspace_id,
        j=job,
    )


def keep_open(batch: Batch, rows: pl.DataFrame, at: datetime) -> None:
    """Put rows into the open rows, or renew those that are there; a person's decision and the first time stay.

    Args:
        batch: the transaction.
        rows: ``job, subject, sobject, record_id, org_id, key, title, outcome, cause, reason, field, value,
            status_code, candidates, disputes, run_id``, and ``is_temporary`` Boolean: tried again by itself.
        at: now.
    """
    if rows.is_empty():
        return
    before = _tries_before(batch, rows)
    tries = pl.col("before").fill_null(0) + 1
    waits = pl.Series([int(after.total_seconds()) for after in RETRY_AFTER], dtype=pl.Int64)
    wait = pl.duration(seconds=pl.lit(waits).gather(pl.min_horizontal(tries, len(waits)) - 1))
    fresh = (
        rows.join(before, on=["job", "subject", "cause"], how="left")
        .with_columns(
            workspace_id=pl.lit(batch.workspace_id),
            first_at=pl.lit(at),
            last_at=pl.lit(at),
            tries=tries,
            is_aside=pl.lit(value=False),
            retry_at=pl.when(pl.col("is_temporary").fill_null(value=False)).then(pl.lit(at) + wait),
        )
        .drop("before", "is_temporary")
    )
    staged = batch.stage(fresh)
    columns = ", ".join(f'"{c}"' for c in fresh.columns)
    renewed = (
        "outcome",
        "cause",
        "reason",
        "field",
        "value",
        "status_code",
        "candidates",
        "disputes",
        "run_id",
        "retry_at",
        "tries",
        "last_at",
        "title",
        "key",
    )
    sets = ", ".join(f'"{c}" = excluded."{c}"' for c in renewed)
    batch.execute(
        f"INSERT INTO open_row ({columns}) SELECT {columns} FROM {staged} WHERE true"
        f" ON CONFLICT (workspace_id, job, subject) DO UPDATE SET {sets}"
    )


def _tries_before(batch: Batch, rows: pl.DataFrame) -> pl.DataFrame:
    """How often each row has met the same cause before: ``job, subject, cause, before``."""
    staged = batch.stage(rows.select("job", "subject"))
    found = batch.read(
        f"SELECT o.job, o.subject, o.cause, o.tries AS before FROM {staged} s JOIN open_row o ON"
        " o.workspace_id = :w AND o.job = s.job AND o.subject = s.subject",
        w=batch.workspace_id,
    )
    schema = {"job": pl.String, "subject": pl.String, "cause": pl.String, "before": pl.Int64}
    return found.cast(schema)  # type: ignore[arg-type]
