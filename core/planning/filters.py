"""Workspace-side filter clauses as expressions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl

from core.errors import UsageError
from core.mapping.spec import Condition

OPERATORS = ("=", "!=", "in", "not in", "<", "<=", ">", ">=", "contains", "is empty", "is not empty")


def passes(conditions: Sequence[Condition], schema: dict[str, pl.DataType]) -> pl.Expr:
    """Whether a row meets every condition; a comparison with an empty value is false, ``!=`` and ``not in`` true.

    Raises:
        UsageError: a field or an operator does not exist.
    """
    out = pl.lit(value=True)
    for c in conditions:
        out = out & _clause(c, schema)
    return out


def _clause(c: Condition, schema: dict[str, pl.DataType]) -> pl.Expr:
    if c.field not in schema:
        raise UsageError(f"The filter names {c.field}, which this kind of record does not have.")
    col, dtype = pl.col(c.field), schema[c.field]
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
    if c.op not in OPERATORS:
        raise UsageError(f"The filter uses {c.op!r}; one of {', '.join(OPERATORS)} is known.")
    return _compare(col, dtype, c)


def _compare(col: pl.Expr, dtype: pl.DataType, c: Condition) -> pl.Expr:
    if dtype == pl.String:
        col, value = col.str.to_lowercase(), pl.lit(str(c.value).lower())
    elif isinstance(dtype, pl.Datetime):
        value = pl.lit(datetime.fromisoformat(str(c.value))).cast(dtype)
    else:
        value = pl.lit(c.value)
    if c.op == "!=":
        return col.ne_missing(value)
    table = {"=": col == value, "<": col < value, "<=": col <= value, ">": col > value, ">=": col >= value}
    return table[c.op].fill_null(value=False)
