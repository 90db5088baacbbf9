"""Counts and lists activities of a time in the database: what was logged, by whom, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from core.audit.balance import NO_TRACE, zone_of
from core.audit.opened import EVERYTHING
from core.audit.shape import shaped
from core.store import logged
from core.store.codec import INSTANT
from core.store.database import Database

CUBE: dict[str, Any] = {
    "day": pl.Date,
    "user": pl.String,
    "kind": pl.String,
    "outcome": pl.String,
    "origin": pl.String,
    "sync_state": pl.String,
    "n": pl.Int64,
}
"""Columns of `cube`: activities (``n``) by day in the workspace's zone, user, kind, outcome, origin and what became."""
ROWS: dict[str, Any] = {
    "id": pl.Int64,
    "at": INSTANT,
    "kind": pl.String,
    "user": pl.String,
    "outcome": pl.String,
    "origin": pl.String,
    "sync_state": pl.String,
    "source": pl.String,
    "external_id": pl.String,
    "subject": pl.String,
    "direction": pl.String,
    "duration_s": pl.Int64,
    "org_id": pl.String,
    "cause": pl.String,
    "reason": pl.String,
}
"""Columns of `rows`."""


def first_day(db: Database, workspace_id: int) -> date | None:
    """The day of the earliest activity, in the workspace's zone; ``None`` without any."""
    found = logged.earliest(db, workspace_id)
    return found.astimezone(ZoneInfo(zone_of(db, workspace_id))).date() if found else None


def cube(db: Database, workspace_id: int, first: date, last: date) -> pl.DataFrame:
    """Activities of the days from ``first`` to ``last``, counted in the database; columns are those of `CUBE`.

    The rule of ``sync_state`` is that of `core.audit.balance.by_record`.
    """
    zone = ZoneInfo(zone_of(db, workspace_id))
    found = logged.counted(db, workspace_id, *_span(zone, first, last), offsets(zone, first, last), NO_TRACE)
    days = pl.col("day").cast(pl.Int32).cast(pl.Date)
    return shaped(found.with_columns(days).rename({"who": "user"}), CUBE).sort("day", "user", "kind")


def rows(
    db: Database,
    workspace_id: int,
    first: date,
    last: date,
    *,
    only: Mapping[str, str | None] | None = None,
    limit: int | None = 50,
    skip: int = 0,
) -> pl.DataFrame:
    """Activities of the days from ``first`` to ``last``, the latest first; columns are those of `ROWS`.

    Args:
        db: the store.
        workspace_id: whose.
        first: the first day, in the workspace's zone.
        last: the last one.
        only: any of ``kind``, ``user``, ``outcome``, ``sync_state``, ``origin`` that they must have.
        limit: so many at most; all where ``None``.
        skip: leave out so many first.
    """
    zone, given = ZoneInfo(zone_of(db, workspace_id)), only or {}
    names = {"kind": "kind", "who": "user", "result": "outcome", "state": "sync_state", "origin": "origin"}
    wanted = {ours: given.get(theirs) for ours, theirs in names.items()}
    most = EVERYTHING if limit is None else limit
    found = logged.listed(db, workspace_id, *_span(zone, first, last), NO_TRACE, wanted, most, skip)
    return shaped(found.rename({"who": "user", "result": "outcome"}), ROWS)


def _span(zone: ZoneInfo, first: date, last: date) -> tuple[datetime, datetime]:
    return datetime.combine(first, time(), zone), datetime.combine(last + timedelta(days=1), time(), zone)


def offsets(zone: ZoneInfo, first: date, last: date) -> list[tuple[datetime | None, int]]:
    """The zone's offsets from UTC over these days, in seconds, each with when it ends; the last has no end."""
    out: list[tuple[datetime | None, int]] = []
    day = first
    while day <= last:
        start, end = _span(zone, day, day)
        if start.utcoffset() != end.utcoffset():
            out.append((_change(start.astimezone(UTC), end.astimezone(UTC), zone), _offset(start, zone)))
        day += timedelta(days=1)
    return [*out, (None, _offset(_span(zone, last, last)[1], zone))]


def _offset(at: datetime, zone: ZoneInfo) -> int:
    return int((at.astimezone(zone).utcoffset() or timedelta()).total_seconds())


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """The minute in which the offset changes between two instants."""
    before, minute = _offset(low, zone), timedelta(minutes=1)
    while high - low > minute:
        middle = low + (high - low) // minute // 2 * minute
        low, high = (middle, high) if _offset(middle, zone) == before else (low, middle)
    return high
