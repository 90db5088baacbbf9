"""Turns records of the org, from REST or Bulk, into frames of canonical text, so that both compare equal.

Every column is text: dates ``YYYY-MM-DD``, instants ``YYYY-MM-DDTHH:MM:SSZ``, booleans ``true``/``false``, numbers
without trailing zeros. Columns are named by path (``Owner.Email``); what a record does not have is null.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from core.values import times

NUMBERS = frozenset({"int", "long", "double", "currency", "percent"})
_PLAIN_NUMBER = r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?$"


def to_frame(
    records: Iterable[Mapping[str, Any]],
    columns: Sequence[str],
    types: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """REST records as a frame of canonical text.

    Args:
        records: As the org sent them, related records nested.
        columns: Paths of the columns wanted, in order; one that no record has is all null.
        types: Path -> describe type. A path without one keeps text as it is.
    """
    rows = list(records)
    data = {path: _series(rows, path) for path in columns}
    return canonical(pl.DataFrame(data, schema=dict.fromkeys(columns, pl.String)), types or {})


def canonical(frame: pl.DataFrame, types: Mapping[str, str]) -> pl.DataFrame:
    """A frame of text columns, such as a Bulk page, with each cell in its type's canonical text.

    A cell that is not of its type's form becomes null only if it is empty; else it stays as it is, to be seen.
    """
    exprs = [_canonical(name, types.get(name, "")) for name in frame.columns]
    out = frame.select(exprs) if exprs else frame
    for name in frame.columns:
        if types.get(name) in NUMBERS:
            out = out.with_columns(_numbers(out[name]))
    return out


def fill(frame: pl.DataFrame, columns: Sequence[str]) -> pl.DataFrame:
    """The frame with exactly these columns, in this order; missing ones are null."""
    held = set(frame.columns)
    return frame.select(pl.col(name) if name in held else pl.lit(None, dtype=pl.String).alias(name) for name in columns)


def number_text(text: str) -> str:
    """A number without trailing zeros, exponent or minus zero; other text as it is."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text
    if not number.is_finite():
        return text
    plain = format(number, "f")
    plain = plain.rstrip("0").rstrip(".") if "." in plain else plain
    return "0" if plain in ("-0", "") else plain


def _series(rows: list[Mapping[str, Any]], path: str) -> pl.Series:
    first, _, rest = path.partition(".")
    values = [row.get(first) for row in rows] if not rest else [_inside(row.get(first), rest) for row in rows]
    try:
        # Most columns are text already; only the others are looked at cell by cell.
        return pl.Series(path, values, dtype=pl.String).replace("", None)
    except TypeError:
        return pl.Series(path, [_text(value) for value in values], dtype=pl.String)


def _inside(value: Any, path: str) -> Any:
    for step in path.split("."):
        if not isinstance(value, Mapping):
            return None
        value = value.get(step)
    return value


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value or None
    if value is True:
        return "true"
    if value is False:
        return "false"
    if isinstance(value, int | float | Decimal):
        return number_text(repr(value) if isinstance(value, float) else str(value))
    # A compound field or a child list is no cell; its parts are asked for by path.
    return None


def _canonical(name: str, kind: str) -> pl.Expr:
    text = pl.col(name)
    if kind == "datetime":
        return pl.coalesce(times.canonical_instant_expr(text), text).alias(name)
    if kind == "date":
        return pl.coalesce(times.canonical_date_expr(text), text).alias(name)
    if kind == "boolean":
        low = text.str.to_lowercase()
        return (
            pl.when(low.is_in(["true", "1"]))
            .then(pl.lit("true"))
            .when(low.is_in(["false", "0"]))
            .then(pl.lit("false"))
            .otherwise(text)
            .alias(name)
        )
    return text


def _numbers(series: pl.Series) -> pl.Series:
    odd = series.filter(~series.str.contains(_PLAIN_NUMBER).fill_null(True)).unique()
    if odd.is_empty():
        return series
    return series.replace(odd, pl.Series([number_text(text) for text in odd], dtype=pl.String))
