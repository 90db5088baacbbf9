"""Tells what became of records in the org: merged, converted, moved, deleted, restored."""

from __future__ import annotations

import polars as pl

from core.audit import catalog
from core.store import audited
from core.store.bulk import read_all
from core.store.database import Database

_MOVES = "SELECT org_id, extra FROM change WHERE workspace_id = :w AND action = 'move' AND org_id IS NOT NULL"


def lines(db: Database, workspace_id: int) -> pl.DataFrame:
    """One line per link that is not the only active one of its record; columns are those of `catalog.LINEAGE`."""
    links = read_all(
        db, audited.LINKS_WITH_A_STORY, workspace_id, {c: catalog.LINKS.types[c] for c in (
            "id", "table_name", "record_id", "sobject", "org_id", "state", "how", "evidence", "job", "run_id",
            "created_at", "updated_at",
        )},
    )  # fmt: skip
    moves = (
        read_all(db, _MOVES, workspace_id, {"org_id": pl.String, "extra": pl.String})
        .select("org_id", master=pl.col("extra").str.json_path_match("$.master"))
        .drop_nulls()
        .unique("org_id", keep="last")
    )
    told = became(links, moves)
    if told.is_empty():
        return pl.DataFrame(schema=catalog.LINEAGE.types)
    titles = audited.titles(db, workspace_id, told["record_id"]).select(
        pl.col(c).cast(catalog.LINEAGE.types[c]) for c in ("table_name", "record_id", "key", "title")
    )
    named = told.join(titles, on=["table_name", "record_id"], how="left")
    return named.select(list(catalog.LINEAGE.types)).sort("at", "org_id", descending=[True, False], nulls_last=True)


def became(links: pl.DataFrame, moves: pl.DataFrame) -> pl.DataFrame:
    """What became of linked org records.

    Args:
        links: ``id`` Int64 (growing with time), ``table_name``, ``record_id``, ``sobject``, ``org_id``, ``state``,
            ``how``, ``evidence``, ``job``, ``run_id``, ``created_at``, ``updated_at``: every link, ended ones too.
        moves: ``org_id``, ``master``: merges and conversions as the org told them.

    Returns:
        The columns of `catalog.LINEAGE` without key and title. A chain A -> B -> C of merges is two lines, both into C.
    """
    own = ["table_name", "record_id"]
    active = (
        links.filter(pl.col("state") == "active")
        .sort("id")
        .group_by(own)
        .agg(
            pl.col("org_id").last().alias("into_org_id"),
            pl.col("sobject").last().alias("into_sobject"),
            pl.col("how").last().alias("_how"),
            pl.col("evidence").last().alias("_evidence"),
            pl.col("job").last().alias("_job"),
            pl.col("run_id").last().alias("_run_id"),
            pl.col("id").last().alias("_id"),
            pl.len().alias("_n"),
        )
    )
    rows = links.join(active, on=own, how="left").join(_ends(moves), on="org_id", how="left")
    ended = rows.filter(pl.col("state") != "active").with_columns(became=_became())
    twice = rows.filter((pl.col("state") == "active") & (pl.col("_n") > 1) & (pl.col("id") != pl.col("_id")))
    again = _restored(rows)
    told = pl.concat(
        [ended, twice.with_columns(became=pl.lit("linked_twice")), again.with_columns(became=pl.lit("restored"))]
    )
    return told.select(
        *own, "org_id", "sobject", "became",
        into_org_id=pl.coalesce("_master", "into_org_id"),
        into_sobject=pl.when(_is_conversion()).then(pl.lit("Contact"))
        .when(pl.col("_master").is_not_null()).then("sobject").otherwise("into_sobject"),
        evidence=pl.when(_is_conversion()).then(pl.lit("ConvertedContactId"))
        .when(pl.col("_master").is_not_null()).then(pl.lit("MasterRecordId"))
        .otherwise(pl.coalesce("_evidence", "evidence")),
        job=pl.coalesce("_job", "job"),
        run_id=pl.coalesce("_run_id", "run_id"),
        at="updated_at",
    )  # fmt: skip


def _ends(moves: pl.DataFrame) -> pl.DataFrame:
    """``org_id`` -> ``_master``: the record that counts at the end of a chain of merges."""
    direct = dict(moves.select("org_id", "master").iter_rows())
    ends = []
    for loser in direct:
        at, seen = loser, {loser}
        while at in direct and direct[at] not in seen:
            at = direct[at]
            seen.add(at)
        ends.append((loser, at))
    return pl.DataFrame(ends, schema={"org_id": pl.String, "_master": pl.String}, orient="row")


def _is_conversion() -> pl.Expr:
    """Whether the org told that a lead lives on as a contact, which its Id says."""
    into_contact = pl.col("_master").str.starts_with("003").fill_null(value=False)
    return (pl.col("sobject") == "Lead") & into_contact


def _became() -> pl.Expr:
    lead = (pl.col("sobject") == "Lead") & (pl.col("into_sobject") == "Contact")
    merged = pl.col("_how").fill_null("").is_in(["merge", "merged"]) | (pl.col("state") == "superseded")
    return (
        pl.when(_is_conversion())
        .then(pl.lit("converted"))
        .when(pl.col("_master").is_not_null())
        .then(pl.lit("merged"))
        .when(pl.col("into_org_id") == pl.col("org_id"))
        .then(pl.lit("restored"))
        .when(lead)
        .then(pl.lit("converted"))
        .when(pl.col("state") == "deleted")
        .then(pl.lit("deleted"))
        .when(merged & pl.col("into_org_id").is_not_null())
        .then(pl.lit("merged"))
        .otherwise(pl.lit("moved"))
    )


def _restored(rows: pl.DataFrame) -> pl.DataFrame:
    """Active links that are said to be of a record that had been deleted and came back."""
    return rows.filter((pl.col("state") == "active") & pl.col("how").is_in(["restored", "undeleted"]))
