"""Turns date literals such as ``TODAY`` or ``LAST_N_WEEKS:2`` into half-open ranges of days, and days into instants."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_UNITS = ("WEEK", "MONTH", "QUARTER", "YEAR", "FISCAL_QUARTER", "FISCAL_YEAR")
RANGE_NAMES = frozenset(
    {"YESTERDAY", "TODAY", "TOMORROW", "LAST_90_DAYS", "NEXT_90_DAYS"}
    | {f"{which}_{unit}" for which in ("LAST", "THIS", "NEXT") for unit in _UNITS}
)
"""Date literals without a number."""
RANGE_NAMES_N = frozenset(
    {f"{which}_N_{unit}S" for which in ("LAST", "NEXT") for unit in ("DAY", *_UNITS)}
    | {f"N_{unit}S_AGO" for unit in ("DAY", *_UNITS)}
)
"""Date literals that take ``:n``."""

DayRange = tuple[date, date]
"""First day, and the day after the last."""


SUNDAY = 6
"""As `date.weekday` counts."""


def day_range(literal: str, today: date, first_weekday: int = SUNDAY) -> DayRange:
    """The days that a date literal covers, seen from ``today`` in the user's time zone.

    ``LAST_N_DAYS:n`` and ``LAST_90_DAYS`` include today; the other LAST_N and NEXT_N literals leave out the current
    period, and ``NEXT_N_DAYS:n`` starts tomorrow. Weeks start on ``first_weekday`` (0 is Monday); the fiscal year is
    the calendar year. A range that runs out of the calendar ends at its edge.
    """
    name, _, number = literal.partition(":")
    # The week that today is in, as if it began on a Sunday.
    shifted = (SUNDAY - first_weekday) % 7
    if "WEEK" in name and shifted:
        start, end = day_range(literal, _later(today, shifted))
        return _later(start, -shifted), _later(end, -shifted)
    try:
        return _resolve(name, int(number or 0), today)
    except (OverflowError, ValueError):
        forward = name.startswith("NEXT")
        return (today + timedelta(days=1), date.max) if forward else (date.min, _resolve_end(name, today))


def _later(day: date, days: int) -> date:
    """So many days later, or the edge of the calendar."""
    if day in (date.min, date.max):
        return day
    return day + timedelta(days=days)


def _resolve(name: str, n: int, today: date) -> DayRange:
    day = timedelta(days=1)
    fixed: dict[str, DayRange] = {
        "YESTERDAY": (today - day, today),
        "TODAY": (today, today + day),
        "TOMORROW": (today + day, today + 2 * day),
    }
    if name in fixed:
        return fixed[name]
    if name in ("LAST_90_DAYS", "NEXT_90_DAYS"):
        name, n = f"{name[:4]}_N_DAYS", 90
    if name == "LAST_N_DAYS":
        return today - n * day, today + day
    if name == "NEXT_N_DAYS":
        return today + day, today + (n + 1) * day
    if name == "N_DAYS_AGO":
        return today - n * day, today - (n - 1) * day
    return _periods(name.replace("FISCAL_", ""), n, today)


def _periods(name: str, n: int, today: date) -> DayRange:
    """Literals that count whole weeks, months, quarters or years."""
    start = _STARTS[name.split("_")[2 if "_N_" in name else 1].rstrip("S")]
    if name.startswith("N_"):
        return start(today, -n), start(today, 1 - n)
    if "_N_" in name:
        return (
            (start(today, -n), start(today, 0)) if name.startswith("LAST") else (start(today, 1), start(today, n + 1))
        )
    shift = {"LAST": -1, "THIS": 0, "NEXT": 1}[name.split("_")[0]]
    return start(today, shift), start(today, shift + 1)


def _resolve_end(name: str, today: date) -> date:
    """Where a LAST range ends however far back it reaches."""
    if name.endswith("_AGO"):
        return date.min
    return _resolve(name, 0, today)[1]


def _week(today: date, shift: int) -> date:
    return today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=shift)


def _months(today: date, length: int, shift: int) -> date:
    first = (today.year * 12 + today.month - 1) // length * length + shift * length
    return date(first // 12, first % 12 + 1, 1)


_STARTS: dict[str, Callable[[date, int], date]] = {
    "WEEK": _week,
    "MONTH": lambda today, shift: _months(today, 1, shift),
    "QUARTER": lambda today, shift: _months(today, 3, shift),
    "YEAR": lambda today, shift: _months(today, 12, shift),
}


def local_day(now: datetime, zone: str) -> date:
    """The date that the user's calendar shows."""
    return now.astimezone(ZoneInfo(zone)).date()


def midnight(day: date, zone: str) -> int:
    """The instant at which a day begins in the zone, in seconds since 1970 UTC.

    Where clocks skip midnight, the day begins at the first instant that exists.
    """
    if day in (date.min, date.max):
        return calendar.timegm(day.timetuple())
    return int(datetime.combine(day, time.min, ZoneInfo(zone)).astimezone(UTC).timestamp())
