"""Writes rows as intake files: CSV with dotted columns, NDJSON, Parquet; equal rows give equal bytes."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl

from local_org.sample.base import Row

COLUMNS = (
    "source", "external_id", "kind", "occurred_at", "updated_at", "duration_s", "direction", "person.id",
    "person.email", "person.phone", "account.id", "account.domain", "related_to.object", "related_to.id", "user",
    "subject", "notes", "outcome", "type", "status", "due_at", "participants",
)  # fmt: skip


def flat(row: Row) -> dict[str, str]:
    """The row as CSV cells: nested keys dotted, participants joined by semicolons, booleans in lower case."""
    cells: dict[str, str] = {}
    for key, value in row.items():
        if isinstance(value, dict):
            cells.update({f"{key}.{inner}": str(each) for inner, each in value.items() if each is not None})
        elif isinstance(value, list):
            cells[key] = ";".join(value)
        elif isinstance(value, bool):
            cells[key] = str(value).lower()
        elif value is not None:
            cells[key] = str(value)
    return cells


def csv_lines(rows: Iterable[Row], columns: Sequence[str] | None = None) -> list[str]:
    """Header and rows as CSV records without their line ends; fields of their own come after the usual columns."""
    cells = [flat(row) for row in rows]
    extra = sorted({key for row in cells for key in row if key not in COLUMNS})
    head = list(columns) if columns else [*COLUMNS, *extra]
    return [_record(head), *(_record([row.get(name, "") for name in head]) for row in cells)]


def plain_columns(rows: Sequence[Row]) -> list[str]:
    """The keys of rows that all have the same ones, in their order."""
    return list(rows[0])


def json_line(row: Row) -> str:
    """The row as one line of NDJSON."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":"))


def write_lines(path: Path, lines: Iterable[str]) -> None:
    """Lines with Unix ends, UTF-8."""
    path.write_bytes(("\n".join(lines) + "\n").encode())


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Rows as Parquet with nested columns; a key that a row lacks is null there."""
    text = pl.String()
    schema = {
        "source": text, "external_id": text, "kind": text, "occurred_at": text, "updated_at": text, "direction": text,
        "person": pl.Struct({"email": text}), "user": text, "subject": text, "notes": text, "status": text,
        "participants": pl.List(text), "fields": pl.Struct({"thread_id": text, "attachments": pl.Int64()}),
    }  # fmt: skip
    frame = pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)
    frame.write_parquet(path, compression="zstd", statistics=False)


def _record(cells: Sequence[str]) -> str:
    # The writer quotes what holds its line end: it has to be a real one for texts of several lines.
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue().removesuffix("\n")
