"""Workspace-side filter clauses as expressions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from core.errors import UsageError
from core.mapping.spec import Condition

OPERATORS = ("=", "!=", "in", "not in", "<", "<=", ">", ">=", "contains", "is empty", "is not empty")


def passes(conditions: Sequence[Condition], schema: dict[str, pl.DataType]) -> pl.Expr:
    """Whether a row meets every condition; a comparison with an empty value is false, ``!=`` and ``not in`` true.

    Raises:
        UsageError: a field or an operator does not exist, or a value does not fit its field.
    """
    out = pl.lit(value=True)
    for c in conditions:
        out = out & _clause(c, schema)
    return out


def _clause(c: Condition, schema: dict[str, pl.DataType]) -> pl.Expr:
    if c.op not in OPERATORS:
        raise UsageError(f"The filter uses {c.op!r}; one of {', '.join(OPERATORS)} is known.")
    col, dtype = _column(c, schema)
    if c.op == "is empty":
        return col.is_null()
    if c.op == "is not empty":
        return col.is_not_null()
    if c.op in ("in", "not in"):
        values = [str(v).lower() for v in (c.value if isinstance(c.value, list | tuple) else [c.value])]
        hit = col.cast(pl.String).str.to_lowercase().is_in(values).fill_null(value=False)
        return ~hit if c.op == "not in" else hit
    if c.op == "contains":
        return (
            col.cast(pl.String)
            .str.to_lowercase()
            .str.contains(str(c.value).lower(), literal=True)
            .fill_null(value=False)
        )
    return _compare(col, dtype, c)


def _column(c: Condition, schema: dict[str, pl.DataType]) -> tuple[pl.Expr, pl.DataType]:
    if c.field in schema:
        return pl.col(c.field), schema[c.field]
    if c.field.startswith("fields."):
        # A custom field that none of these records carries has no column: it is empty in all of them.
        return pl.lit(None, dtype=pl.String), pl.String()
    raise UsageError(f"The filter names {c.field}, which this kind of record does not have.")


def _compare(col: pl.Expr, dtype: pl.DataType, c: Condition) -> pl.Expr:
    if dtype == pl.String and isinstance(c.value, int | float) and not isinstance(c.value, bool):
        # Custom fields are kept as text; a number given without quotes asks for the order of numbers.
        col, dtype = col.cast(pl.Float64, strict=False), pl.Float64()
    elif dtype == pl.String:
        col = col.str.to_lowercase()
    value = _literal(dtype, c)
    if c.op == "!=":
        return col.ne_missing(value)
    table = {"=": col == value, "<": col < value, "<=": col <= value, ">": col > value, ">=": col >= value}
    return table[c.op].fill_null(value=False)


def _literal(dtype: pl.DataType, c: Condition) -> pl.Expr:
    """The clause's value in the type of its field, however it was written."""
    try:
        return pl.lit(_typed(dtype, c.value), dtype=dtype)
    except (KeyError, TypeError, ValueError) as error:
        raise UsageError(f"The filter compares {c.field} with {c.value!r}, which does not fit the field.") from error


def _typed(dtype: pl.DataType, value: Any) -> Any:
    text = str(value).strip()
    if value is None:
        return None
    if dtype == pl.String:
        return str(value).lower()
    if isinstance(dtype, pl.Datetime):
        instant = datetime.fromisoformat(text)
        return instant.astimezone(UTC) if instant.tzinfo else instant.replace(tzinfo=UTC)
    if dtype == pl.Date:
        return date.fromisoformat(text[:10])
    if dtype == pl.Boolean:
        return {"true": True, "false": False}[text.lower()]
    return int(text) if dtype.is_integer() else float(text)
