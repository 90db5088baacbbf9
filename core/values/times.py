"""Reads and writes the canonical texts of dates and instants, and never turns one into the other unasked.

A Date is ``YYYY-MM-DD`` and has no zone. An Instant is ``YYYY-MM-DDTHH:MM:SSZ``, whole seconds, as Salesforce keeps
them. A time without a zone is neither: it is refused unless the caller names the zone it was meant in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_INSTANT = re.compile(r"(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2})(:\d{2})?(?:\.\d{1,9})? ?(Z|z|[+-]\d{2}:?\d{2})?", re.ASCII)
_LOCAL = r"^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:\.[0-9]{1,9})?"
_OFFSET = " ?(Z|z|[+-][0-9]{2}:?[0-9]{2})$"
INSTANT_FORM = "%Y-%m-%dT%H:%M:%SZ"


def parse_date(text: str | None) -> date | None:
    """A Date from ``YYYY-MM-DD``; None for anything else, an instant included."""
    if text is None or not _DATE.fullmatch(text.strip()):
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        return None


def parse_instant(text: str | None, zone: str | None = None) -> datetime | None:
    """An Instant in UTC, from ISO text with ``Z``, ``+0000`` or ``+00:00``, with or without fractions of a second.

    Args:
        text: What a file or the org sent; fractions are dropped.
        zone: IANA name of the zone for texts that carry none; without it they are refused. A time that a clock
            change skips is None, one that it repeats is the earlier.

    Returns:
        None for a date, for a time without a zone (unless ``zone`` is given), and for anything else.
    """
    found = _INSTANT.fullmatch(text.strip()) if text else None
    if not found or (found[4] is None and zone is None):
        return None
    try:
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{found[3] or ':00'}{(found[4] or '').upper()}")
        return moment.astimezone(UTC) if moment.tzinfo else _from_local(moment, ZoneInfo(zone or "UTC"))
    except (ValueError, OverflowError):
        return None


def _from_local(naive: datetime, zone: ZoneInfo) -> datetime | None:
    moment = naive.replace(tzinfo=zone).astimezone(UTC)
    return moment if moment.astimezone(zone).replace(tzinfo=None) == naive else None


def date_text(value: date) -> str:
    """The canonical text of a Date.

    Raises:
        TypeError: An instant was given: which day it is depends on a zone, see `date_of_instant`.
    """
    if isinstance(value, datetime):
        raise TypeError("An instant has no date without a zone.")
    return value.isoformat()


def instant_text(value: datetime) -> str:
    """The canonical text of an Instant.

    Raises:
        TypeError: The datetime has no zone.
    """
    if value.tzinfo is None:
        raise TypeError("A time without a zone is not an instant.")
    return value.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def canonical_date(text: str | None) -> str | None:
    """A Date's text in canonical form, or None."""
    value = parse_date(text)
    return None if value is None else value.isoformat()


def canonical_instant(text: str | None, zone: str | None = None) -> str | None:
    """An Instant's text in canonical form, or None."""
    value = parse_instant(text, zone)
    return None if value is None else instant_text(value)


def date_of_instant(value: datetime, zone: str) -> date:
    """The calendar day of an Instant in a zone."""
    if value.tzinfo is None:
        raise TypeError("A time without a zone is not an instant.")
    return value.astimezone(ZoneInfo(zone)).date()


def date_expr(column: str | pl.Expr) -> pl.Expr:
    """A text column as `pl.Date`; null where a cell is not a Date."""
    text = _expr(column).str.strip_chars()
    return pl.when(text.str.contains("^[0-9]{4}-[0-9]{2}-[0-9]{2}$")).then(text).str.to_date("%Y-%m-%d", strict=False)


def instant_expr(column: str | pl.Expr, zone: str | None = None) -> pl.Expr:
    """A text column as `pl.Datetime("us", "UTC")`, whole seconds; null where a cell is not an Instant.

    With ``zone``, cells without a zone are read in it; a time that a clock change skips becomes null, one that it
    repeats is the earlier.
    """
    text = _expr(column).str.strip_chars()
    whole = _whole(text, _OFFSET, "$4").str.replace("[Zz]$", "+0000")
    zoned = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us", strict=False)
    if zone is None:
        return zoned
    naive = _whole(text, "$", "").str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    local = naive.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(zoned, local.dt.convert_time_zone("UTC"))


def _whole(text: pl.Expr, end: str, offset: str) -> pl.Expr:
    """Texts of the form, with seconds and without fractions; null for others."""
    short = text.str.replace("[T ]([0-9]{2}:[0-9]{2})( ?(?:[Zz]|[+-].*)?)$", "T$1:00$2")
    whole = short.str.replace(_LOCAL + end, "${1}T$2$3" + offset)
    return pl.when(text.str.contains(_LOCAL + end)).then(whole)


def canonical_date_expr(column: str | pl.Expr) -> pl.Expr:
    """A text column of Dates in canonical text; null where a cell is not one."""
    return date_expr(column).dt.strftime("%Y-%m-%d")


def canonical_instant_expr(column: str | pl.Expr, zone: str | None = None) -> pl.Expr:
    """A text column of Instants in canonical text; null where a cell is not one."""
    return instant_expr(column, zone).dt.strftime(INSTANT_FORM)


def date_of(instant: str | pl.Expr, zone: str) -> pl.Expr:
    """The calendar day, `pl.Date`, of a column of typed Instants (see `instant_expr`) in a zone.

    Polars knows the rules of zones to the end of 2099.
    """
    return _expr(instant).dt.convert_time_zone(zone).dt.date()


def date_of_each(instant: str | pl.Expr, zone: str | pl.Expr, zones: Iterable[str]) -> pl.Expr:
    """The calendar day of each Instant in the zone its own row names.

    Args:
        instant: Typed Instants.
        zone: Text column with an IANA name per row.
        zones: The distinct names in it; a row with another name gets null.
    """
    named = _expr(zone)
    days = [pl.when(named == name).then(date_of(instant, name)) for name in sorted(set(zones))]
    return pl.coalesce(days) if days else pl.lit(None, dtype=pl.Date)


def _expr(column: str | pl.Expr) -> pl.Expr:
    return pl.col(column) if isinstance(column, str) else column
