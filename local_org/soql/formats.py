"""Writes values the way ``FORMAT()`` shows them to a user in the United States locale and the user's time zone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from local_org.org.model import Field

ORG_CURRENCY = "USD"
"""The one currency of the org."""


def formatter(kind: str, zone: str, f: Field | None = None) -> Callable[[Any], Any] | None:
    """What FORMAT does to a stored value of this type; ``None`` where it changes nothing."""
    scale = f.scale if f is not None else 0
    if kind == "currency":
        return lambda v: f"{'-' if v < 0 else ''}${abs(v):,.{scale or 2}f}"
    if kind == "percent":
        return lambda v: f"{v:,.{scale}f}%"
    if kind == "double":
        return lambda v: f"{v:,.{scale}f}"
    if kind in ("int", "long"):
        return lambda v: f"{v:,}"
    if kind == "date":
        return lambda v: _day(date.fromisoformat(v))
    if kind == "datetime":
        return lambda v: _moment(datetime.fromtimestamp(v, UTC).astimezone(ZoneInfo(zone)))
    return bool if kind == "boolean" else None


def _day(day: date) -> str:
    return f"{day.month}/{day.day}/{day.year}"


def _moment(moment: datetime) -> str:
    hour = moment.hour % 12 or 12
    return f"{_day(moment.date())}, {hour}:{moment.minute:02} {'AM' if moment.hour < 12 else 'PM'}"
