"""The double entry of activities: what was made in the workspace equals what became of it, by day, user and kind."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.audit import catalog
from core.audit.catalog import STATES
from core.errors import StoreError
from core.records import OPEN_OUTCOMES
from core.store.bulk import read_all
from core.store.codec import INSTANT
from core.store.database import Database

NO_TRACE = "no_trace"
"""A result says that it was written, but nothing links it to an org record: what makes the books not balance."""
CELL = ("day", "user", "kind")
_HEADS = "SELECT id, deleted_at FROM activity WHERE workspace_id = :w"
_LINKED = (
    "SELECT record_id AS id, id AS l_id, org_id AS l_org_id, sobject AS l_sobject, how AS l_how, state AS l_state,"
    " job AS l_job FROM link WHERE workspace_id = :w AND table_name = 'activity'"
)
_OPEN = (
    "SELECT record_id AS id, job AS o_job, outcome AS o_outcome, cause AS o_cause, reason AS o_reason,"
    " last_at AS o_last_at FROM open_row WHERE workspace_id = :w AND record_id IS NOT NULL"
)
_LATEST = (
    "SELECT x.record_id AS id, x.run_id AS r_run_id, x.job AS r_job, x.outcome AS r_outcome, x.cause AS r_cause,"
    " x.reason AS r_reason, x.at AS r_last_at FROM record_result x JOIN run r ON r.run_id = x.run_id"
    " AND r.workspace_id = x.workspace_id AND r.direction = 'outbound' WHERE x.workspace_id = :w"
    " AND x.record_id IS NOT NULL"
)
_ENTERED = "SELECT id, kind, user_email, occurred_at, created_at FROM activity WHERE workspace_id = :w"


def by_record(db: Database, workspace_id: int) -> pl.DataFrame:
    """What became of each activity: ``id`` and the columns of `catalog.SYNC_STATE`.

    ``origin`` is ``org`` for activities that a job brought in, else ``workspace``. ``sync_state`` is one of `STATES` or
    `NO_TRACE`; an activity whose org record is there is synced, also while an update of it is open. ``job``, ``cause``
    and ``reason`` are those of the open row, else of the latest result of an outbound run.
    """
    heads = read_all(db, _HEADS, workspace_id, {"id": pl.Int64, "deleted_at": INSTANT})
    frame = heads
    for found in (_links(db, workspace_id), _opened(db, workspace_id), _latest(db, workspace_id)):
        frame = frame.join(found, on="id", how="left")
    return frame.select(
        "id",
        org_id="l_org_id",
        sobject="l_sobject",
        linked_how="l_how",
        origin=pl.when(pl.col("l_how") == "created_in").then(pl.lit("org")).otherwise(pl.lit("workspace")),
        sync_state=_state(),
        job=pl.coalesce("o_job", "r_job", "l_job"),
        cause=pl.coalesce(_filled("o_cause"), _filled("r_cause")),
        reason=pl.coalesce("o_reason", "r_reason"),
        last_outcome=pl.coalesce("o_outcome", "r_outcome"),
        last_at=pl.coalesce("o_last_at", "r_last_at"),
    )


def _texts(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, pl.String)


def _links(db: Database, workspace_id: int) -> pl.DataFrame:
    """The active link of each activity, else the one that was made last."""
    types = {"id": pl.Int64, "l_id": pl.Int64, **_texts("l_org_id", "l_sobject", "l_how", "l_state", "l_job")}
    found = read_all(db, _LINKED, workspace_id, types)
    return found.sort(pl.col("l_state") != "active", -pl.col("l_id")).unique("id", keep="first").drop("l_id")


def _opened(db: Database, workspace_id: int) -> pl.DataFrame:
    types = {"id": pl.Int64, **_texts("o_job", "o_outcome", "o_cause", "o_reason"), "o_last_at": INSTANT}
    found = read_all(db, _OPEN, workspace_id, types)
    return found.sort("o_last_at", "o_job", descending=[True, False]).unique("id", keep="first")


def _latest(db: Database, workspace_id: int) -> pl.DataFrame:
    names = ("r_run_id", "r_job", "r_outcome", "r_cause", "r_reason")
    found = read_all(db, _LATEST, workspace_id, {"id": pl.Int64, **_texts(*names), "r_last_at": INSTANT})
    newest = found.sort("r_last_at", "r_run_id", descending=True).unique("id", keep="first")
    return newest.drop("r_run_id")


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

    Columns are those of `catalog.BALANCE`. ``difference`` is zero where the books balance; what is missing are
    activities that a result calls written and no link proves.
    """
    return by_cell(entered(db, workspace_id).join(by_record(db, workspace_id), on="id", how="left"))


def by_cell(rows: pl.DataFrame) -> pl.DataFrame:
    """Activities counted by cell and state.

    Args:
        rows: one per activity with ``day``, ``user``, ``kind``, ``origin`` and ``sync_state``; those that came from the
            org are not counted.
    """
    own = rows.filter(pl.col("origin") != "org")
    counted = own.group_by(CELL).agg(
        pl.len().cast(pl.Int64).alias("made"),
        *((pl.col("sync_state") == s).sum().cast(pl.Int64).alias(s) for s in STATES),
    )
    counted = counted.with_columns(difference=pl.col("made") - pl.sum_horizontal(STATES))
    return counted.select(list(catalog.BALANCE.types)).sort(CELL)


def entered(db: Database, workspace_id: int) -> pl.DataFrame:
    """Every activity with its cell of the double entry: ``id``, ``day`` in the workspace's zone, ``user``, ``kind``."""
    types = {"id": pl.Int64, **_texts("kind", "user_email"), "occurred_at": INSTANT, "created_at": INSTANT}
    rows = read_all(db, _ENTERED, workspace_id, types)
    return with_cell(rows, zone_of(db, workspace_id)).select("id", *CELL)


def zone_of(db: Database, workspace_id: int) -> str:
    """The workspace's zone."""
    return str(db.one("SELECT zone FROM workspace WHERE id = :w", w=workspace_id) or "UTC")


def with_cell(rows: pl.DataFrame, zone: str) -> pl.DataFrame:
    """Rows with ``occurred_at``, ``created_at``, ``user_email``, given their ``day`` in the zone and their ``user``."""
    when = pl.coalesce("occurred_at", "created_at")
    return rows.with_columns(
        when.dt.convert_time_zone(zone).dt.date().alias("day"),
        pl.col("user_email").fill_null("").str.to_lowercase().alias("user"),
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
