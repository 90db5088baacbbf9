"""Tells times the way people do: how long ago, how long it took, and the clock time in the reader's zone."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_ISO = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)")


def now() -> datetime:
    """The time now, aware, in UTC."""
    return datetime.now(UTC)


def reader_zone() -> str:
    """The zone of the reader's browser, UTC where it does not say."""
    name = st.context.timezone or "UTC"
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return "UTC"
    return name


def instant(value: Any) -> datetime | None:
    """An aware datetime of a datetime or an ISO text."""
    if value is None or value == "":
        return None
    at = datetime.fromisoformat(value) if isinstance(value, str) else value
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def clock_time(value: Any) -> str:
    """``14:05`` today, ``21 Nov 14:05`` on another day, in the reader's zone; empty where there is no time."""
    at = instant(value)
    if at is None:
        return ""
    zone = ZoneInfo(reader_zone())
    local, today = at.astimezone(zone), now().astimezone(zone).date()
    return f"{local:%H:%M}" if local.date() == today else f"{local.day} {local:%b %H:%M}"


def told(text: str) -> str:
    """A sentence with its ISO instants as clock times in the reader's zone."""
    return _ISO.sub(lambda hit: clock_time(hit.group()), text)


def value(text: str) -> str:
    """A field's value as people read it: an instant as clock time in the reader's zone, a date as a day."""
    if _ISO.fullmatch(text):
        at = instant(text)
        local = at.astimezone(ZoneInfo(reader_zone())) if at else None
        return f"{local.day} {local:%b %Y %H:%M}" if local else text
    return f"{on.day} {on:%b %Y}" if _DATE.fullmatch(text) and (on := _date(text)) else text


def _date(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def ago(value: Any) -> str:
    """``just now``, ``12 min ago``, ``in 4 min``; empty where there is no time."""
    at = instant(value)
    if at is None:
        return ""
    gap = now() - at
    if abs(gap) < timedelta(seconds=5):
        return "just now"
    return f"{span(gap)} ago" if gap > timedelta() else f"in {span(-gap)}"


def span(gap: timedelta | float) -> str:
    """A duration in one unit, two where that tells more: ``41 s``, ``12 min``, ``4 h 52 min``, ``3 d``."""
    exact = gap.total_seconds() if isinstance(gap, timedelta) else gap
    seconds = int(exact)
    if seconds < 10:
        return f"{exact:.1f} s"
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    return f"{hours // 24} d"


def day(value: date) -> str:
    """``Sat 21 Nov``."""
    return f"{value:%a} {value.day} {value:%b}"
