"""The one codec between our values and database cells: instants, JSON, booleans, on rows and on frames.

An instant is stored as whole microseconds since 1970-01-01 UTC in a BIGINT: it sorts, compares and bulk-loads the same
on SQLite and PostgreSQL, and no driver can attach a zone to it or take one away.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy import BigInteger, Text
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")


def containing(text: str) -> str | None:
    """What ``LOWER(column) LIKE :it ESCAPE '!'`` wants to find the text anywhere; None where there is none."""
    text = text.strip().lower().replace("!", "!!").replace("%", "!%").replace("_", "!_")
    return f"%{text}%" if text else None


def to_micros(at: datetime) -> int:
    """An aware datetime as microseconds since the epoch.

    Raises:
        ValueError: the datetime carries no zone.
    """
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return (at - EPOCH) // timedelta(microseconds=1)


def from_micros(value: int) -> datetime:
    """Microseconds since the epoch as an aware UTC datetime."""
    return EPOCH + timedelta(microseconds=value)


class UtcTime(TypeDecorator[datetime]):
    """An aware datetime in a BIGINT of microseconds."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Encode."""
        return None if value is None else to_micros(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """Decode."""
        return None if value is None else from_micros(int(value))


class Json(TypeDecorator[Any]):
    """A JSON value as text, keys in order of insertion, no ASCII escapes."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Encode."""
        return None if value is None else dumps(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Decode."""
        return None if value is None else json.loads(value)


def dumps(value: Any) -> str:
    """Compact JSON text; datetimes as ISO."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def encode_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """Instants to BIGINT, dates to ISO text, structs and lists to JSON text; the rest unchanged."""
    out = []
    for name, dtype in frame.schema.items():
        col = pl.col(name)
        if isinstance(dtype, pl.Datetime):
            aware = col if dtype.time_zone else col.dt.replace_time_zone("UTC")
            out.append(aware.dt.epoch("us").cast(pl.Int64))
        elif dtype == pl.Date:
            out.append(col.dt.to_string("%Y-%m-%d"))
        elif isinstance(dtype, pl.Struct):
            out.append(pl.when(col.is_null()).then(None).otherwise(col.struct.json_encode()).alias(name))
        elif isinstance(dtype, pl.List):
            out.append(col.map_elements(lambda v: dumps(v.to_list()), return_dtype=pl.String).alias(name))
        elif dtype == pl.Null or dtype in (pl.Categorical, pl.Enum):
            out.append(col.cast(pl.String))
        else:
            out.append(col)
    return frame.select(out)


def decode_frame(frame: pl.DataFrame, *, instants: Iterable[str], booleans: Iterable[str]) -> pl.DataFrame:
    """The reverse for the named columns that are present."""
    names = set(frame.columns)
    casts: list[pl.Expr] = [
        pl.from_epoch(pl.col(n).cast(pl.Int64), "us").dt.replace_time_zone("UTC").alias(n)
        for n in instants
        if n in names
    ]
    casts += [pl.col(n).cast(pl.Boolean) for n in booleans if n in names]
    return frame.with_columns(casts)
