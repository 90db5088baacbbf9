"""Gives frames that were read from the store the columns and types that their docstrings promise."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl


def shaped(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    """The frame with exactly these columns in these types, also where it has no rows."""
    return frame.select(pl.col(name).cast(dtype) for name, dtype in columns.items())


def iso(value: Any) -> Any:
    """An instant as ISO text with seconds; anything else as it is."""
    return value.isoformat(timespec="seconds").replace("+00:00", "Z") if isinstance(value, datetime) else value


def iso_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row that JSON can carry."""
    return {name: iso(value) for name, value in row.items()}
