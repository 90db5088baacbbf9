"""Reads whole tables as frames, quickly: a million rows come as Arrow data, not one by one.

On SQLite another process reads the file with the ADBC driver and hands the rows over a pipe: two SQLite libraries in
one process must never have the same file open (docs/adr/0002-staging-file.md). On PostgreSQL they come by COPY. A small
database is read on the connection at hand, which takes less than starting a process.
"""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from core.errors import StoreError
from core.store.codec import INSTANT
from core.store.database import Database, quoted

SMALL_BYTES = 48 * 1024 * 1024
"""A database file below this size is read on the connection at hand."""
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
    if db.is_sqlite and _size(db) >= SMALL_BYTES:
        return _decoded(_by_arrow(db, sql, workspace_id, columns), columns)
    if not db.is_sqlite:
        return _decoded(_by_copy(db, sql, workspace_id, columns), columns)
    return _decoded(db.read(sql, w=workspace_id), columns)


def read_table(
    db: Database, table: str, workspace_id: int, columns: Mapping[str, Any], only: Mapping[str, str] | None = None
) -> pl.DataFrame:
    """Columns of one table of a workspace; ``only`` names columns with the text that they must have."""
    names = ", ".join(quoted(c) for c in columns)
    more = "".join(f" AND {quoted(c)} = '{_literal(v)}'" for c, v in (only or {}).items())
    return read_all(db, f"SELECT {names} FROM {quoted(table)} WHERE workspace_id = :w{more}", workspace_id, columns)


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
    path = db.url.removeprefix("sqlite:///")
    with subprocess.Popen(  # noqa: S603
        [sys.executable, "-m", "core.store.bulk_reader", path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as reader:
        assert reader.stdin is not None  # noqa: S101
        assert reader.stdout is not None  # noqa: S101
        reader.stdin.write(statement.encode())
        reader.stdin.close()
        try:
            with pa.ipc.open_stream(reader.stdout) as stream:
                found = pl.from_arrow(stream.read_all())
        except pa.ArrowInvalid as problem:
            raise StoreError("The database could not be read.", hint="Look at the log of this process.") from problem
    if reader.returncode:
        raise StoreError("The database could not be read to its end.", hint="Look at the log of this process.")
    assert isinstance(found, pl.DataFrame)  # noqa: S101
    return found.slice(1)


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
