"""The monthly audit: what was logged and by whom, whether it adds up, what failed, and what is regularly missing."""

from __future__ import annotations

import calendar
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import polars as pl

from core.audit import catalog, causes, patterns
from core.audit.double import Balance
from core.audit.shape import iso
from core.errors import UsageError
from core.store.database import Database


@dataclass(frozen=True)
class Report:
    """One month of one workspace."""

    month: str
    """``YYYY-MM``."""
    title: str
    zone: str
    made_at: datetime
    first: date
    last: date
    balance: Balance
    volume: pl.DataFrame
    """``day, user, kind, outcome, sync_state, activities``: what was made here."""
    errors: pl.DataFrame
    """``job, outcome, cause, words, rows, records, first_at, last_at, still_open, example``: the error log by cause."""
    failed: pl.DataFrame
    """Failed rows one by one: ``at, job, key, title, outcome, cause, field, reason, status_code, run_id``."""
    runs: pl.DataFrame
    """``job, runs, complete, with_rejects, partial, failed, rows, written, api_calls``."""
    patterns: pl.DataFrame
    """Columns of `core.audit.patterns.PATTERNS`."""
    notes: list[str] = field(default_factory=list)
    """What the report cannot say, and why."""

    def totals(self) -> dict[str, int]:
        """The numbers at the head: made, each state, difference; and of the org's side found, ours, native, others."""
        own = {c: int(self.balance.workspace[c].sum()) for c in ("made", *catalog.STATES, "difference")}
        if self.balance.org is None:
            return own
        return {**own, **{f"org_{c}": int(self.balance.org[c].sum()) for c in catalog.ORG_BALANCE.types if c not in
                          ("day", "user", "kind")}}  # fmt: skip

    def as_dict(self) -> dict[str, Any]:
        """Everything as JSON can carry it."""
        tables = {name: _rows(frame) for name, frame in self.tables().items()}
        return {
            "month": self.month, "workspace": self.title, "zone": self.zone, "made_at": iso(self.made_at),
            "first": self.first.isoformat(), "last": self.last.isoformat(), "balanced": self.balance.is_balanced,
            "totals": self.totals(), "notes": self.notes, **tables,
        }  # fmt: skip

    def tables(self) -> dict[str, pl.DataFrame]:
        """Name -> table, as they go to files."""
        org = {} if self.balance.org is None else {"org_balance": self.balance.org}
        return {
            "balance": self.balance.workspace, **org, "red_cells": self.balance.red, "volume": self.volume,
            "errors": self.errors, "failed_rows": self.failed, "runs": self.runs,
            "patterns": self.patterns.with_columns(pl.col("examples").list.join(" ")),
        }  # fmt: skip


def _rows(frame: pl.DataFrame) -> list[dict[str, Any]]:
    return [
        {k: v.isoformat() if isinstance(v, date) and not isinstance(v, datetime) else iso(v) for k, v in row.items()}
        for row in frame.iter_rows(named=True)
    ]


def days_of(month: str) -> tuple[date, date]:
    """First and last day of ``YYYY-MM``.

    Raises:
        UsageError: it is not a month.
    """
    try:
        first = datetime.strptime(month, "%Y-%m").replace(tzinfo=None).date()
    except ValueError:
        raise UsageError(f"{month} is not a month.", hint="Write it like 2026-10.") from None
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


def make(
    db: Database, workspace_id: int, month: str, balance: Balance, frames: Mapping[str, pl.DataFrame], now: datetime
) -> Report:
    """Put a month's report together.

    Args:
        db: the store.
        workspace_id: whose.
        month: ``YYYY-MM``.
        balance: the double entry of its days.
        frames: ``results``, ``open_rows`` and ``runs`` as `core.audit.frames.Frames` gives them.
        now: the moment.
    """
    first, last = days_of(month)
    head = db.read("SELECT name, title, zone FROM workspace WHERE id = :w", w=workspace_id).row(0, named=True)
    zone = str(head["zone"])
    # A month that is not over yet ends today.
    until = min(last, now.date())
    failed = _failed(frames["results"], zone, first, last)
    zones = db.read(
        "SELECT email AS user, zone FROM workspace_user WHERE workspace_id = :w AND zone <> ''", w=workspace_id
    )
    own_zone = pl.DataFrame({"user": [""], "zone": [zone]})
    return Report(
        month=month, title=str(head["title"] or head["name"]), zone=zone, made_at=now, first=first, last=last,
        balance=balance, volume=_volume(balance.rows), errors=_errors(failed, frames["open_rows"]),
        failed=failed, runs=_runs(frames["runs"], zone, first, last),
        patterns=patterns.find(balance.rows, pl.concat([zones.cast(pl.String), own_zone]), until),
        notes=_notes(balance, last, now),
    )  # fmt: skip


def _notes(balance: Balance, last: date, now: datetime) -> list[str]:
    out = []
    if balance.org is None:
        out.append("The org was not asked: its side of the balance is missing.")
    if last >= now.date():
        out.append("The month is not over: the numbers are those of now.")
    return out


def _volume(rows: pl.DataFrame) -> pl.DataFrame:
    own = rows.filter(pl.col("origin") != "org").with_columns(pl.col("outcome").fill_null(""))
    cells = ["day", "user", "kind", "outcome", "sync_state"]
    return own.group_by(cells).agg(pl.len().cast(pl.Int64).alias("activities")).sort(cells)


def _in_month(column: str, zone: str, first: date, last: date) -> pl.Expr:
    return pl.col(column).dt.convert_time_zone(zone).dt.date().is_between(first, last).fill_null(value=False)


_FAILED = ("at", "job", "key", "title", "outcome", "cause", "field", "reason", "status_code", "run_id")


def _failed(results: pl.DataFrame, zone: str, first: date, last: date) -> pl.DataFrame:
    stopped = pl.col("outcome").is_in(["waiting", "held", "rejected", "in_doubt"])
    rows = results.filter(stopped & _in_month("at", zone, first, last))
    return rows.select(_FAILED).sort("at", "job", "key", descending=[True, False, False])


def _errors(failed: pl.DataFrame, opened: pl.DataFrame) -> pl.DataFrame:
    by = ["job", "outcome", "cause"]
    still = opened.group_by(by).agg(pl.len().cast(pl.Int64).alias("still_open"))
    grouped = (
        failed.sort("at")
        .group_by(by)
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            pl.col("key").n_unique().cast(pl.Int64).alias("records"),
            pl.col("at").min().alias("first_at"),
            pl.col("at").max().alias("last_at"),
            pl.col("reason").last().alias("example"),
        )
    )
    told = grouped.join(still, on=by, how="left").with_columns(
        pl.col("still_open").fill_null(0),
        words=pl.col("cause").map_elements(_words, return_dtype=pl.String),
    )
    return told.select(*by, "words", "rows", "records", "first_at", "last_at", "still_open", "example").sort(
        "rows", "job", "cause", descending=[True, False, False]
    )


def _words(cause: str) -> str:
    known = causes.known(cause)
    return known.words if known else cause


def _runs(runs: pl.DataFrame, zone: str, first: date, last: date) -> pl.DataFrame:
    rows = runs.filter((pl.col("kind") != "plan") & _in_month("started_at", zone, first, last))
    status = pl.col("status")
    states = {"complete": "complete", "with_rejects": "complete_with_rejects", "partial": "partial", "failed": "failed"}
    return (
        rows.group_by("job")
        .agg(
            pl.len().cast(pl.Int64).alias("runs"),
            *((status == s).sum().cast(pl.Int64).alias(n) for n, s in states.items()),
            pl.col("n_input").sum().alias("rows"),
            (pl.col("n_created") + pl.col("n_updated") + pl.col("n_deleted")).sum().alias("written"),
            pl.col("api_calls").sum().alias("api_calls"),
        )
        .sort("job")
    )
