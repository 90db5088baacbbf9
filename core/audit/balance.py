"""The double entry of activities: what was made in the workspace equals what became of it, by day, user and kind."""

from __future__ import annotations

from typing import Any

import polars as pl

from core.audit import catalog
from core.audit.catalog import STATES
from core.errors import StoreError
from core.records import OPEN_OUTCOMES
from core.store import audited
from core.store.bulk import read_all
from core.store.codec import INSTANT
from core.store.database import Database

NO_TRACE = "no_trace"
"""A result says that it was written, but nothing links it to an org record: what makes the books not balance."""
CELL = ("day", "user", "kind")
_HEADS = "SELECT id, deleted_at FROM activity WHERE workspace_id = :w"
_ENTERED = "SELECT id, kind, user_email, occurred_at, created_at, deleted_at FROM activity WHERE workspace_id = :w"


def by_record(db: Database, workspace_id: int) -> pl.DataFrame:
    """What became of each activity: ``id`` and the columns of `catalog.SYNC_STATE`.

    ``origin`` is ``org`` for activities that a job brought in, else ``workspace``. ``sync_state`` is one of `STATES` or
    `NO_TRACE`; an activity whose org record is there is synced, also while an update of it is open. ``job``, ``cause``
    and ``reason`` are those of the open row, else of the latest result of an outbound run.
    """
    heads = read_all(db, _HEADS, workspace_id, {"id": pl.Int64, "deleted_at": INSTANT})
    frame = _joined(db, workspace_id, heads, told=True)
    return frame.select(
        "id",
        org_id="l_org_id",
        sobject="l_sobject",
        linked_how="l_how",
        origin=_origin(),
        sync_state=_state(),
        job=pl.coalesce("o_job", "r_job", "l_job"),
        cause=pl.coalesce(_filled("o_cause"), _filled("r_cause")),
        reason=pl.coalesce("o_reason", "r_reason"),
        last_outcome=pl.coalesce("o_outcome", "r_outcome"),
        last_at=pl.coalesce("o_last_at", "r_last_at"),
    )


def _origin() -> pl.Expr:
    return pl.when(pl.col("l_how") == "created_in").then(pl.lit("org")).otherwise(pl.lit("workspace"))


def _joined(db: Database, workspace_id: int, heads: pl.DataFrame, *, told: bool) -> pl.DataFrame:
    """Activities with their link, open row and latest outbound result; ``told`` reads the words of each as well."""
    orders = {
        "link": ((pl.col("l_state") != "active"), -pl.col("l_id")),
        "open": (-pl.col("o_last_at").dt.epoch("us"), pl.col("o_by")),
        "result": (-pl.col("r_last_at").dt.epoch("us"), -pl.col("r_run_id").rank("dense").cast(pl.Int64)),
    }
    frame = heads
    for part, order in orders.items():
        found = _first(_read(db, workspace_id, part, told=told), *order)
        frame = frame.join(found.drop("l_id", "o_by", "r_run_id", strict=False), on="id", how="left")
    return frame


def _read(db: Database, workspace_id: int, part: str, *, told: bool) -> pl.DataFrame:
    sql, columns = audited.of_activities(part, told=told)
    types = {n: pl.Int64 if n in ("id", "l_id") else INSTANT if n.endswith("_at") else pl.String for n in columns}
    return read_all(db, sql, workspace_id, types)


def _first(rows: pl.DataFrame, *order: pl.Expr) -> pl.DataFrame:
    """The first row of each ``id``; only those that are there more than once are put in order."""
    again = rows["id"].is_duplicated()
    if not again.any():
        return rows
    many = rows.filter(again).sort(*order).unique("id", keep="first", maintain_order=True)
    return pl.concat([rows.filter(~again), many])


def _texts(*names: str) -> dict[str, Any]:
    return dict.fromkeys(names, pl.String)


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
    rows = _joined(db, workspace_id, entered(db, workspace_id), told=False)
    return by_cell(rows.select(*CELL, origin=_origin(), sync_state=_state()))


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
    """Every activity with its cell: ``id``, ``day`` in the workspace's zone, ``user``, ``kind``, ``deleted_at``."""
    instants = dict.fromkeys(("occurred_at", "created_at", "deleted_at"), INSTANT)
    types = {"id": pl.Int64, **_texts("kind", "user_email"), **instants}
    rows = read_all(db, _ENTERED, workspace_id, types)
    return with_cell(rows, zone_of(db, workspace_id)).select("id", *CELL, "deleted_at")


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
