"""Reads whole tables as frames, quickly: a million rows come as Arrow data, not one by one.

On SQLite another process reads the file with the ADBC driver and hands the rows over a pipe: two SQLite libraries in
one process must never have the same file open (docs/adr/0002-staging-file.md). On PostgreSQL they come by COPY. A small
database is read on the connection at hand, which takes less than starting a process.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from core.errors import StoreError
from core.store import readers
from core.store.codec import INSTANT
from core.store.database import Database, quoted

SMALL_BYTES = 48 * 1024 * 1024
"""A database file below this size is read on the connection at hand."""
FEW_ROWS = 2_000
"""So few rows of a table are read at hand from a large file as well."""
_NULL = "\x1f"
"""What stands for NULL in a copy: a character that no text of people holds by itself."""


def read_all(db: Database, sql: str, workspace_id: int, columns: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of a SELECT over the tables of one workspace, in any order unless the database is small.

    Args:
        db: the store.
        sql: a SELECT with ``:w`` for the workspace as its only parameter, and exactly these columns in this order.
        workspace_id: whose.
        columns: name -> polars type of each column; instants and dates are decoded.

    Raises:
        StoreError: the rows could not be read.
    """
    if not db.is_sqlite:
        return _decoded(_by_copy(db, sql, workspace_id, columns), columns)
    if _size(db) < SMALL_BYTES:
        return _decoded(db.read(sql, w=workspace_id), columns)
    return _by_arrow(db, sql, workspace_id, columns)


def read_table(
    db: Database, table: str, workspace_id: int, columns: Mapping[str, Any], only: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Columns of one table of a workspace; ``only`` names columns with the text that they must have."""
    names = ", ".join(quoted(c) for c in columns)
    more = "".join(f" AND {quoted(c)} = '{_literal(v)}'" for c, v in (only or {}).items())
    sql = f"SELECT {names} FROM {quoted(table)} WHERE workspace_id = :w{more}"
    if db.is_sqlite and _size(db) >= SMALL_BYTES:
        few = db.read(f"{sql} LIMIT {FEW_ROWS + 1}", w=workspace_id)
        if few.height <= FEW_ROWS:
            return _decoded(few, columns)
    return read_all(db, sql, workspace_id, columns)


def _literal(text: str) -> str:
    if not text.isidentifier():
        raise StoreError(f"not a word of ours: {text}")
    return text


def _size(db: Database) -> int:
    path = Path(db.url.removeprefix("sqlite:///"))
    return sum(p.stat().st_size for p in (path, path.with_name(f"{path.name}-wal")) if p.exists())


def _decoded(frame: pl.DataFrame, columns: Mapping[str, Any]) -> pl.DataFrame:
    return frame.select(_cell(name, frame.schema[name], dtype) for name, dtype in columns.items())


def _cell(name: str, have: pl.DataType, want: Any) -> pl.Expr:
    if isinstance(want, pl.Datetime) and not isinstance(have, pl.Datetime):
        return pl.from_epoch(pl.col(name).cast(pl.Int64), "us").dt.replace_time_zone("UTC").alias(name)
    return pl.col(name) if have == want else pl.col(name).cast(want)


def _by_arrow(db: Database, sql: str, workspace_id: int, columns: Mapping[str, Any]) -> pl.DataFrame:
    # The driver takes a column's type from the first rows; a first row of our own tells it, and is cut off again.
    first = ", ".join(f"{_sample(t)} AS {quoted(n)}" for n, t in columns.items())
    statement = f"SELECT {first} UNION ALL SELECT * FROM ({sql.replace(':w', str(int(workspace_id)))})"
    # Batch by batch: what the driver handed over is let go of as soon as it is decoded.
    parts = [_decoded(_frame(batch), columns) for batch in readers.read(db.url.removeprefix("sqlite:///"), statement)]
    parts[0] = parts[0].slice(1)
    return pl.concat(parts)


def _frame(batch: pa.RecordBatch) -> pl.DataFrame:
    found = pl.from_arrow(batch)
    assert isinstance(found, pl.DataFrame)  # noqa: S101
    return found


def _sample(dtype: Any) -> str:
    return "''" if dtype == pl.String else "0"


def _by_copy(db: Database, sql: str, workspace_id: int, columns: Mapping[str, Any]) -> pl.DataFrame:
    statement = sql.replace(":w", str(int(workspace_id)))
    text = io.BytesIO()
    with db.engine.connect() as conn:
        raw: Any = conn.connection.driver_connection
        with raw.cursor().copy(f"COPY ({statement}) TO STDOUT (FORMAT csv, NULL '{_NULL}')") as copy:
            for chunk in copy:
                text.write(chunk)
    if not text.tell():
        return pl.DataFrame(schema={n: _plain(t) for n, t in columns.items()})
    text.seek(0)
    found = pl.read_csv(
        text, has_header=False, new_columns=list(columns), schema={n: _plain(t) for n, t in columns.items()},
        null_values=[_NULL],
    )  # fmt: skip
    flags = [n for n, t in columns.items() if t == pl.Boolean]
    return found.with_columns((pl.col(n) == "t").alias(n) for n in flags)


def _plain(dtype: Any) -> Any:
    """The type in which a column crosses: instants as whole numbers, booleans and dates as text."""
    if isinstance(dtype, pl.Datetime) or dtype == INSTANT:
        return pl.Int64
    return pl.String if dtype in (pl.Boolean, pl.Date) else dtype


def put_in_order(frame: pl.DataFrame, *by: str, descending: bool = False) -> pl.DataFrame:
    """The frame itself, its rows in order; column by column, so that it is never held twice, and not where it is so."""
    keys = frame.select(by)
    if frame.height < 2 or _is_ordered(keys, descending=descending):
        return frame
    places = keys.select(pl.arg_sort_by(by, descending=descending)).to_series()
    for at, name in enumerate(frame.columns):
        frame.replace_column(at, frame.to_series(at).gather(places).alias(name))
    return frame


def _is_ordered(keys: pl.DataFrame, *, descending: bool) -> bool:
    """Whether each row's keys are not before those of the row above; one that is missing is taken for disorder."""
    fine = pl.lit(value=True)
    for name in reversed(keys.columns):
        here, above = pl.col(name), pl.col(name).shift(1)
        later = here < above if descending else here > above
        fine = later | ((here == above) & fine)
    return bool(keys.select(fine.fill_null(value=False).slice(1).all()).item())
