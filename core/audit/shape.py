"""Gives frames that were read from the store the columns and types that their docstrings promise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl


def shaped(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """The frame with exactly these columns in these types, also where it has no rows.

    An instant that comes under a name of its own is still the number the store keeps; it becomes one here.
    """
    return frame.select(_cast(name, frame.schema[name], dtype) for name, dtype in columns.items())


def _cast(name: str, have: pl.DataType, want: Any) -> pl.Expr:
    if isinstance(want, pl.Datetime) and not isinstance(have, pl.Datetime):
        return pl.from_epoch(pl.col(name).cast(pl.Int64), "us").dt.replace_time_zone("UTC").alias(name)
    return pl.col(name).cast(want)


def iso(value: Any) -> Any:
    """An instant as ISO text with seconds; anything else as it is."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if isinstance(value, datetime) else value


def iso_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row that JSON can carry."""
    return {name: iso(value) for name, value in row.items()}
