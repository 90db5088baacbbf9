"""Turns typed columns into canonical text and text into canonical text of a type, as polars expressions.

Canonical text: dates ``YYYY-MM-DD``, instants ``YYYY-MM-DDTHH:MM:SSZ``, ``true``/``false``, numbers plain; empty text
is null. Dates and instants are turned into one another only through a zone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo

import polars as pl

ROW_ZONE = "row_zone"
"""Optional Utf8 column: the zone of this row (the owner's); the job's zone where it is empty."""

_TRUE = ("true", "1", "yes", "y", "on", "t")
_FALSE = ("false", "0", "no", "n", "off", "f")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,2})?$"
_EMAIL = r"^[^@\s,;<>]+@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+$"


@dataclass(frozen=True)
class Place:
    """What an expression needs to know of its frame: the columns with their types, and the zones."""

    schema: Mapping[str, pl.DataType]
    zone: str = "UTC"
    row_zones: tuple[str, ...] = ()

    @classmethod
    def of(cls, frame: pl.DataFrame, zone: str) -> Place:
        """The place of a frame, with the zones of its rows; a zone that does not exist counts as none."""
        rows: tuple[str, ...] = ()
        if ROW_ZONE in frame.columns:
            rows = tuple(z for z in sorted(frame[ROW_ZONE].drop_nulls().unique().to_list()) if is_zone(z))
        return cls(dict(frame.schema), zone, rows)

    def has(self, column: str) -> bool:
        """Whether the frame has the column."""
        return column in self.schema

    def local(self, instant: pl.Expr, take: Callable[[pl.Expr], pl.Expr]) -> pl.Expr:
        """What ``take`` makes of an instant on the clock of the row's zone."""
        out = take(instant.dt.convert_time_zone(self.zone))
        for zone in self.row_zones:
            here = take(instant.dt.convert_time_zone(zone))
            out = pl.when(pl.col(ROW_ZONE) == zone).then(here).otherwise(out)
        return out

    def midnight(self, day: pl.Expr) -> pl.Expr:
        """The instant at which a day begins in the row's zone."""
        out = _midnight(day, self.zone)
        for zone in self.row_zones:
            out = pl.when(pl.col(ROW_ZONE) == zone).then(_midnight(day, zone)).otherwise(out)
        return out


def is_zone(name: str) -> bool:
    """Whether there is a time zone of that name."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return True


def _midnight(day: pl.Expr, zone: str) -> pl.Expr:
    wall = day.cast(pl.Datetime("us"))
    at = wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    # In a few zones the clock jumps at midnight: that day begins an hour later.
    later = wall.dt.offset_by("1h").dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    return pl.coalesce(at, later).dt.convert_time_zone("UTC")


def tidy(text: pl.Expr) -> pl.Expr:
    """Text without trailing blanks, null where nothing is left, as the org stores it."""
    cut = text.str.strip_chars_end()
    return pl.when(cut.str.len_bytes() > 0).then(cut).otherwise(None)


def text_of(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Any column as canonical text."""
    if dtype == pl.String:
        return tidy(column)
    if dtype == pl.Boolean:
        return pl.when(column).then(pl.lit("true")).when(~column).then(pl.lit("false")).otherwise(None)
    if dtype == pl.Date:
        return column.dt.strftime("%Y-%m-%d")
    if isinstance(dtype, pl.Datetime):
        return instant_text(utc(column, dtype))
    if dtype.is_float():
        return number_text(column)
    if isinstance(dtype, pl.List):
        return tidy(column.cast(pl.List(pl.String)).list.join(";", ignore_nulls=True))
    return column.cast(pl.String)


def utc(column: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """A datetime column in UTC; one without a zone is taken as UTC."""
    return column.dt.convert_time_zone("UTC") if dtype.time_zone else column.dt.replace_time_zone("UTC")


def typed(texts: pl.Series) -> pl.Series:
    """Texts as instants or as dates where every one of them is canonical, else as they are.

    Parsing by one fixed form is many times quicker than the forgiving way, and the usual case.
    """
    for parse in (_parse_instants, _parse_dates):
        found = parse(texts)
        if found.null_count() == texts.null_count():
            return found
    return texts


def _parse_instants(texts: pl.Series) -> pl.Series:
    return texts.str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", strict=False).dt.replace_time_zone("UTC")


def _parse_dates(texts: pl.Series) -> pl.Series:
    return texts.str.to_date("%Y-%m-%d", strict=False)


def time_text(column: pl.Expr, dtype: pl.DataType, place: Place, *, day: bool) -> pl.Expr:
    """A date or datetime column as the text of a day, or of an instant."""
    if isinstance(dtype, pl.Datetime):
        instant = utc(column, dtype)
        return place.local(instant, lambda e: e.dt.strftime("%Y-%m-%d")) if day else instant_text(instant)
    return column.dt.strftime("%Y-%m-%d") if day else instant_text(place.midnight(column))


def instant_text(instant: pl.Expr) -> pl.Expr:
    """An instant in UTC as text, whole seconds."""
    return instant.dt.strftime("%Y-%m-%dT%H:%M:%SZ")


def number_text(number: pl.Expr) -> pl.Expr:
    """A float as plain digits."""
    whole = (number == number.round(0)) & (number.abs() < 1e15)
    return (
        pl.when(number.is_nan() | number.is_infinite())
        .then(None)
        .when(whole)
        .then(pl.when(whole).then(number).otherwise(None).cast(pl.Int64).cast(pl.String))
        .otherwise(number.cast(pl.String))
    )


def instant_of(text: pl.Expr, place: Place) -> pl.Expr:
    """Text as an instant, null where it is none; a bare date is the begin of that day in the zone."""
    iso = text.str.strip_chars().str.replace(r"^(\d{4}-\d\d-\d\d) (\d)", "${1}T${2}").str.replace(r"[.]\d+", "")
    iso = iso.str.replace(r"[zZ]$", "+0000").str.replace(r"T(\d\d:\d\d)([+-]|$)", "T${1}:00${2}")
    iso = pl.when(iso.str.contains(r"T[\d:]+$")).then(iso + "+0000").otherwise(iso)
    instant = iso.str.to_datetime("%Y-%m-%dT%H:%M:%S%z", time_unit="us", strict=False)
    return pl.coalesce(instant, place.midnight(bare_date(text)))


def bare_date(text: pl.Expr) -> pl.Expr:
    """Text of the form ``YYYY-MM-DD`` as a date, null where it is anything else."""
    return text.str.strip_chars().str.to_date("%Y-%m-%d", strict=False)


def date_text(text: pl.Expr, place: Place) -> pl.Expr:
    """Text of a date or an instant as the text of a date; an instant becomes the day it is in the zone."""
    day = bare_date(text).dt.strftime("%Y-%m-%d")
    return pl.coalesce(day, place.local(instant_of(text, place), lambda e: e.dt.strftime("%Y-%m-%d")))


def datetime_text(text: pl.Expr, place: Place) -> pl.Expr:
    """Text of an instant, or of a date as the begin of its day in the zone, in canonical form."""
    return instant_text(instant_of(text, place))


def boolean_text(text: pl.Expr) -> pl.Expr:
    """The usual spellings of yes and no as ``true`` and ``false``, null where it is neither."""
    low = text.str.strip_chars().str.to_lowercase()
    return pl.when(low.is_in(_TRUE)).then(pl.lit("true")).when(low.is_in(_FALSE)).then(pl.lit("false")).otherwise(None)


def decimal_text(text: pl.Expr, precision: int, scale: int) -> pl.Expr:
    """Text as a number rounded to ``scale`` places, null where it is none or has too many digits before the point."""
    number = _number(text).round(scale, mode="half_away_from_zero")
    fits = number.abs() < 10.0 ** (precision - scale) if precision > scale else pl.lit(True)
    return pl.when(fits).then(number_text(number)).otherwise(None)


def integer_text(text: pl.Expr, digits: int) -> pl.Expr:
    """Text as a whole number, null where it is none or has too many digits."""
    number = _number(text)
    fits = (number == number.round(0)) & (number.abs() < 10.0 ** (digits or 15))
    return pl.when(fits).then(number_text(number)).otherwise(None)


def _number(text: pl.Expr) -> pl.Expr:
    plain = text.str.strip_chars()
    return pl.when(plain.str.contains(_NUMBER)).then(plain).otherwise(None).cast(pl.Float64, strict=False)


def email_text(text: pl.Expr) -> pl.Expr:
    """Text that looks like one e-mail address, null where it does not."""
    plain = text.str.strip_chars()
    return pl.when(plain.str.contains(_EMAIL)).then(plain).otherwise(None)
