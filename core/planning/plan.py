"""The shape of a plan: one row for every record read, with what is to happen to it, or why nothing is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from core.records import Outcome

ROWS: dict[str, pl.DataType | type[pl.DataType]] = {
    "record_id": pl.Int64,
    "org_id": pl.String,
    "sobject": pl.String,
    "key": pl.String,
    "title": pl.String,
    "action": pl.String,
    "outcome": pl.String,
    "cause": pl.String,
    "reason": pl.String,
    "field": pl.String,
    "fields": pl.String,
    "payload": pl.String,
    "before": pl.String,
    "baseline": pl.String,
    "extra": pl.String,
    "parent": pl.String,
    "sent_as": pl.String,
}
"""Columns of a plan's rows. ``action``: create, update, delete, link, move, none. ``payload``, ``before`` and
``baseline`` are JSON objects of canonical text; ``extra`` a JSON object of what belongs to the row (candidates, stamps,
decisions); ``parent`` groups rows that lock the same record of the org; ``sent_as`` is the workspace user whose login
writes the row, empty for the system's."""

OWN = ("outcome", "cause", "reason", "field", "key", "title")
_TEXT_DEFAULTS = {
    "sobject": "",
    "key": "",
    "title": "",
    "action": "none",
    "cause": "",
    "field": "",
    "parent": "",
    "sent_as": "",
}


@dataclass(frozen=True)
class Planned:
    """The rows of a plan for one object pair, and how far it has read."""

    rows: pl.DataFrame
    marks: dict[str, Any] = field(default_factory=dict)
    decisions: pl.DataFrame | None = None


def shaped(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with exactly the columns of :data:`ROWS`, missing ones filled.

    The verdict, key and title come from the columns with a leading underscore: records have fields of the plain names.
    """
    frame = frame.drop([c for c in OWN if f"_{c}" in frame.columns], strict=False)
    frame = frame.rename({f"_{c}": c for c in OWN if f"_{c}" in frame.columns})
    have = set(frame.columns)
    out = []
    for name, dtype in ROWS.items():
        expr = pl.col(name).cast(dtype) if name in have else pl.lit(None, dtype=dtype).alias(name)
        out.append(expr.fill_null(_TEXT_DEFAULTS[name]) if name in _TEXT_DEFAULTS else expr)
    shaped_rows = frame.select(out)
    return shaped_rows.with_columns(signature(pl.col("payload")).alias("fields"))


def empty() -> pl.DataFrame:
    """A plan without rows."""
    return pl.DataFrame(schema=ROWS)


def counts(rows: pl.DataFrame) -> dict[str, int]:
    """How many rows come to each outcome; every outcome is named."""
    have = dict(rows.group_by("outcome").len().iter_rows())
    return {o.value: int(have.get(o.value, 0)) for o in Outcome}


def fingerprint(rows: pl.DataFrame) -> str:
    """A hash of what the plan would write."""
    doing = rows.filter(pl.col("action") != "none").select("record_id", "org_id", "action", "payload")
    body = hashlib.sha256()
    for row in doing.sort("record_id", "org_id", nulls_last=True).iter_rows():
        body.update(repr(row).encode())
    return body.hexdigest()[:16]


def unfold(frame: pl.DataFrame, key: str, column: str) -> pl.DataFrame:
    """JSON objects of a column as rows ``key``, ``field``, ``value``; absent objects give none."""
    keys: list[Any] = []
    fields: list[str] = []
    values: list[str | None] = []
    for k, text in frame.select(key, column).drop_nulls().iter_rows():
        for name, value in json.loads(text).items():
            keys.append(k)
            fields.append(name)
            values.append(value)
    return pl.DataFrame(
        {key: keys, "field": fields, "value": values},
        schema={key: frame.schema[key], "field": pl.String, "value": pl.String},
    )


def json_text(value: pl.Expr) -> pl.Expr:
    """A text column as JSON strings, null as ``null``."""
    wrapped = pl.struct(value.alias("v")).struct.json_encode()
    return wrapped.str.slice(5, wrapped.str.len_chars() - 6)


def fold(long: pl.DataFrame, key: str, name: str = "field", value: str = "value", alias: str = "json") -> pl.DataFrame:
    """Rows ``key``, field, value as one JSON object per key, fields in alphabetical order."""
    part = pl.concat_str([json_text(pl.col(name)), pl.lit(":"), json_text(pl.col(value))])
    return (
        long.sort(key, name)
        .select(key, part.alias("_part"))
        .group_by(key, maintain_order=True)
        .agg((pl.lit("{") + pl.col("_part").str.join(",") + pl.lit("}")).alias(alias))
    )


def wide_json(frame: pl.DataFrame, key: str, fields: Iterable[str], prefix: str, sent: str, alias: str) -> pl.DataFrame:
    """One JSON object per row from columns ``prefix+field``, of those whose flag ``sent+field`` is true."""
    parts = [
        pl.when(pl.col(f"{sent}{f}")).then(
            pl.concat_str([pl.lit(f"{json.dumps(f)}:"), json_text(pl.col(f"{prefix}{f}"))])
        )
        for f in fields
    ]
    if not parts:
        return frame.select(key, pl.lit("{}").alias(alias))
    body = pl.concat_str(parts, separator=",", ignore_nulls=True)
    return frame.select(key, pl.concat_str([pl.lit("{"), body, pl.lit("}")]).alias(alias))


def signature(payload: pl.Expr) -> pl.Expr:
    """The names of a payload's fields, with commas: rows of one signature can be written together."""
    return payload.map_batches(
        lambda s: pl.Series([None if t is None else ",".join(json.loads(t)) for t in s], dtype=pl.String),
        return_dtype=pl.String,
    )


def stop(
    verdict: pl.DataFrame, when: pl.Expr, outcome: Outcome, cause: str, reason: pl.Expr | str, field_name: str = ""
) -> pl.DataFrame:
    """Give an outcome to those rows that have none yet and meet the condition."""
    hit = pl.col("_outcome").is_null() & when.fill_null(value=False)
    text = pl.lit(reason) if isinstance(reason, str) else reason
    return verdict.with_columns(
        pl.when(hit).then(pl.lit(outcome.value)).otherwise("_outcome").alias("_outcome"),
        pl.when(hit).then(pl.lit(cause)).otherwise("_cause").alias("_cause"),
        pl.when(hit).then(text).otherwise("_reason").alias("_reason"),
        pl.when(hit).then(pl.lit(field_name)).otherwise("_field").alias("_field"),
    )


def open_verdict(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with empty verdict columns."""
    return frame.with_columns(
        *(pl.lit(None, dtype=pl.String).alias(c) for c in ("_outcome", "_cause", "_reason")),
        pl.lit("", dtype=pl.String).alias("_field"),
    )


def first_problem(frame: pl.DataFrame) -> pl.DataFrame:
    """Columns ``p_field``, ``p_cause``, ``p_message`` from the list ``problems``, null where there is none."""
    first = pl.col("problems").list.first()
    return frame.with_columns(
        first.struct.field("field").alias("p_field"),
        first.struct.field("cause").alias("p_cause"),
        pl.when(pl.col("problems").list.len() > 0)
        .then(pl.col("problems").list.eval(pl.element().struct.field("message")).list.join(" "))
        .alias("p_message"),
    )
