"""The double entry of activities: what was made in the workspace equals what became of it, by day, user and kind."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.audit.shape import shaped
from core.errors import StoreError
from core.records import OPEN_OUTCOMES
from core.store.codec import INSTANT
from core.store.database import Database

STATES = ("synced", "filtered", "skipped", "waiting", "held", "rejected", "in_doubt", "deleted", "not_yet_run")
"""What can have become of an activity that was made in the workspace; each is in exactly one state."""
NO_TRACE = "no_trace"
"""A result says that it was written, but nothing links it to an org record: what makes the books not balance."""
BALANCE: dict[str, Any] = {
    "day": pl.Date,
    "user": pl.String,
    "kind": pl.String,
    "made": pl.Int64,
    **dict.fromkeys(STATES, pl.Int64),
    "difference": pl.Int64,
}
BY_RECORD: dict[str, Any] = {
    "id": pl.Int64,
    "org_id": pl.String,
    "sobject": pl.String,
    "linked_how": pl.String,
    "origin": pl.String,
    "sync_state": pl.String,
    "job": pl.String,
    "cause": pl.String,
    "reason": pl.String,
    "last_outcome": pl.String,
    "last_at": INSTANT,
}
_LINKED = (
    "SELECT record_id AS id, org_id AS l_org_id, sobject AS l_sobject, how AS l_how, state AS l_state, job AS l_job"
    " FROM link WHERE workspace_id = :w AND table_name = 'activity' ORDER BY link.id DESC"
)
_OPEN = (
    "SELECT record_id AS id, job AS o_job, outcome AS o_outcome, cause AS o_cause, reason AS o_reason,"
    " last_at AS o_last_at FROM (SELECT o.*, ROW_NUMBER() OVER (PARTITION BY record_id ORDER BY last_at DESC, job) AS"
    " place FROM open_row o WHERE workspace_id = :w AND record_id IS NOT NULL) ranked WHERE place = 1"
)
_LATEST = (
    "SELECT record_id AS id, job AS r_job, outcome AS r_outcome, cause AS r_cause, reason AS r_reason, at AS r_last_at"
    " FROM (SELECT x.record_id, x.job, x.outcome, x.cause, x.reason, x.at, ROW_NUMBER() OVER (PARTITION BY x.record_id"
    " ORDER BY x.at DESC, x.run_id DESC) AS place FROM record_result x JOIN run r ON r.run_id = x.run_id"
    " AND r.workspace_id = x.workspace_id AND r.direction = 'outbound' WHERE x.workspace_id = :w"
    " AND x.record_id IS NOT NULL) ranked WHERE place = 1"
)


def by_record(db: Database, workspace_id: int) -> pl.DataFrame:
    """What became of each activity; columns are those of `BY_RECORD`.

    ``origin`` is ``org`` for activities that a job brought in, else ``workspace``. ``sync_state`` is one of `STATES` or
    `NO_TRACE`; an activity whose org record is there is synced, also while an update of it is open. ``job``, ``cause``
    and ``reason`` are those of the open row, else of the latest result of an outbound run.
    """
    heads = db.read("SELECT id, deleted_at FROM activity WHERE workspace_id = :w", w=workspace_id)
    frame = heads.with_columns(pl.col("id").cast(pl.Int64))
    for sql in (_LINKED, _OPEN, _LATEST):
        found = db.read(sql, w=workspace_id).with_columns(pl.col("id").cast(pl.Int64))
        if sql is _LINKED:
            # The active link, else the one that ended last.
            found = found.sort(pl.col("l_state") != "active", maintain_order=True).unique("id", keep="first")
        frame = frame.join(found, on="id", how="left")
    return shaped(
        frame.with_columns(
            org_id="l_org_id",
            sobject="l_sobject",
            linked_how="l_how",
            origin=pl.when(pl.col("l_how") == "created_in").then(pl.lit("org")).otherwise(pl.lit("workspace")),
            sync_state=_state(),
            job=pl.coalesce("o_job", "r_job", "l_job"),
            cause=pl.coalesce(_filled("o_cause"), _filled("r_cause")),
            reason=pl.coalesce("o_reason", "r_reason"),
            last_outcome=pl.coalesce("o_outcome", "r_outcome"),
            last_at=pl.coalesce(pl.col("o_last_at").cast(pl.Int64), pl.col("r_last_at").cast(pl.Int64)),
        ),
        BY_RECORD,
    )


def _filled(name: str) -> pl.Expr:
    return pl.when(pl.col(name) != "").then(pl.col(name).cast(pl.String))


def _state() -> pl.Expr:
    opened = [o.value for o in OPEN_OUTCOMES]
    return (
        pl.when(pl.col("deleted_at").is_not_null() | (pl.col("l_state") == "deleted"))
        .then(pl.lit("deleted"))
        .when(pl.col("l_state") == "active")
        .then(pl.lit("synced"))
        .when(pl.col("o_outcome").is_in(opened))
        .then("o_outcome")
        .when(pl.col("r_outcome").is_in(["filtered", "skipped", *opened]))
        .then("r_outcome")
        .when(pl.col("r_outcome").is_not_null())
        .then(pl.lit(NO_TRACE))
        .otherwise(pl.lit("not_yet_run"))
    )


def balance(db: Database, workspace_id: int) -> pl.DataFrame:
    """The double entry of activities made in the workspace, one row per day, user and kind.

    Columns are those of `BALANCE`: ``day`` (of ``occurred_at`` in the workspace's zone), ``user`` (e-mail, empty where
    none is known), ``kind``, ``made``, one column per state of `STATES`, and ``difference``: made less all of them. It
    is zero where the books balance; what is missing are activities that a result calls written and no link proves.
    """
    zone = str(db.one("SELECT zone FROM workspace WHERE id = :w", w=workspace_id) or "UTC")
    cells = ["day", "user", "kind"]
    entries = entered(db, workspace_id, zone)
    became = entries.join(by_record(db, workspace_id), on="id", how="left").filter(pl.col("origin") != "org")
    counted = became.group_by(cells).agg(
        pl.len().alias("made"), *((pl.col("sync_state") == s).sum().alias(s) for s in STATES)
    )
    total = pl.sum_horizontal(STATES)
    return shaped(counted.with_columns(difference=pl.col("made").cast(pl.Int64) - total).sort(cells), BALANCE)


def entered(db: Database, workspace_id: int, zone: str) -> pl.DataFrame:
    """Every activity with its cell of the double entry: ``id``, ``day`` in the zone, ``user``, ``kind``."""
    frame = db.read(
        "SELECT id, kind, user_email, occurred_at, created_at FROM activity WHERE workspace_id = :w", w=workspace_id
    )
    when = pl.coalesce(pl.col("occurred_at").cast(INSTANT), pl.col("created_at").cast(INSTANT))
    return frame.select(
        pl.col("id").cast(pl.Int64),
        when.dt.convert_time_zone(zone).dt.date().alias("day"),
        pl.col("user_email").cast(pl.String).fill_null("").str.to_lowercase().alias("user"),
        pl.col("kind").cast(pl.String),
    )


def require_balanced(books: pl.DataFrame) -> None:
    """Insist that every cell of a `balance` sums.

    Raises:
        StoreError: naming the cells that do not.
    """
    red = books.filter(pl.col("difference") != 0)
    if red.height:
        cells = "; ".join(f"{r['day']} {r['user']} {r['kind']}: {r['difference']}" for r in red.iter_rows(named=True))
        raise StoreError(f"{red.height} cells of the double entry do not balance: {cells[:500]}.")
