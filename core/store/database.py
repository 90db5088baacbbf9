"""One database, SQLite or PostgreSQL: opening it, single-row sessions, and batches that go through in one piece."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from psycopg import ClientCursor
from sqlalchemy import Connection as SqlConnection
from sqlalchemy import Engine, create_engine, event, text
from sqlmodel import Session

from core.errors import StoreError
from core.private import private
from core.store.codec import decode_frame, encode_frame, to_micros
from core.store.tables import BOOLEANS, INSTANTS, INTEGERS

STAGE_BY_FILE_FROM = 5_000
"""Frames of so many rows cross into SQLite through a staging file; below, executemany is as quick."""
MOST_STAGING_FILES = 8
"""SQLite attaches ten files at once; a batch that stages more large frames than this takes the slower way."""

_POSTGRESQL: dict[str, Any] = {"pool_pre_ping": True, "connect_args": {"cursor_factory": ClientCursor}}
"""The client's own binding gives each place of a named parameter the type that fits there, the server's only one."""
ANALYZE_FROM = 500
"""PostgreSQL plans badly for a temporary table of so many rows that it knows nothing about."""

Params = Mapping[str, Any]


def normalized_url(url: str) -> str:
    """The SQLAlchemy URL with the driver we use."""
    for plain in ("postgresql://", "postgres://"):
        if url.startswith(plain):
            return "postgresql+psycopg://" + url[len(plain) :]
    return url


class Database:
    """An open database; cheap to keep, made once per process."""

    def __init__(self, url: str) -> None:
        self.url = normalized_url(url)
        self.is_sqlite = self.url.startswith("sqlite")
        if self.is_sqlite:
            # SQLite gives its companions the same rights.
            private(Path(self.url.removeprefix("sqlite:///")))
        # Statements carry people's data: a failing one is told without its values.
        more: dict[str, Any] = {} if self.is_sqlite else dict(_POSTGRESQL)
        self.engine: Engine = create_engine(self.url, hide_parameters=True, **more)
        if self.is_sqlite:
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    def session(self) -> Session:
        """A session that reads single rows."""
        return Session(self.engine, expire_on_commit=False)

    def writing(self) -> Session:
        """A session that writes single rows; never for bulk."""
        return Session(self.engine.execution_options(writes=True), expire_on_commit=False)

    @contextmanager
    def batch(self, workspace_id: int, *, origin: str = "", actor: str = "") -> Iterator[Batch]:
        """A write transaction of one workspace: everything in it is committed together, or nothing.

        It takes the workspace's counter first, so that writers of one workspace come one after the other and the
        numbers they hand out grow in commit order.
        """
        conn = self.engine.execution_options(writes=True).connect()
        batch = Batch(self, conn, workspace_id)
        batch.origin, batch.actor = origin, actor
        try:
            with conn.begin():
                conn.execute(text("UPDATE workspace SET seq = seq WHERE id = :w"), {"w": workspace_id})
                yield batch
                batch.drop_staged()
        finally:
            try:
                batch.close()
            finally:
                conn.close()

    @contextmanager
    def reading(self, workspace_id: int) -> Iterator[Batch]:
        """One view of the workspace for several reads, which may stage frames to join with; nothing is kept."""
        conn = self.engine.connect()
        batch = Batch(self, conn, workspace_id)
        try:
            with conn.begin() as transaction:
                yield batch
                transaction.rollback()
        finally:
            try:
                batch.close()
            finally:
                conn.close()

    def read(self, sql: str, params: Params | None = None, **more: Any) -> pl.DataFrame:
        """Rows of a SELECT as a frame; instants and booleans decoded by column name."""
        with self.engine.connect() as conn:
            return fetch(conn, sql, {**(params or {}), **more})

    def one(self, sql: str, params: Params | None = None, **more: Any) -> Any:
        """The first cell of the first row, or ``None``."""
        with self.engine.connect() as conn:
            return conn.execute(text(sql), encode_params({**(params or {}), **more})).scalar()

    def execute(self, sql: str, params: Params | None = None, **more: Any) -> int:
        """One statement in its own transaction; the number of rows it touched."""
        conn = self.engine.execution_options(writes=True).connect()
        try:
            with conn.begin():
                return conn.execute(text(sql), encode_params({**(params or {}), **more})).rowcount
        finally:
            conn.close()

    @contextmanager
    def advisory_lock(self, name: str) -> Iterator[None]:
        """Hold off other processes that ask for the same name; on SQLite the caller's file lock does that."""
        if self.is_sqlite:
            yield
            return
        with self.engine.connect() as conn:
            conn.execute(text("SELECT pg_advisory_lock(hashtext(:n))"), {"n": name})
            try:
                yield
            finally:
                conn.execute(text("SELECT pg_advisory_unlock(hashtext(:n))"), {"n": name})

    def close(self) -> None:
        """Close every connection of the pool."""
        self.engine.dispose()


class Batch:
    """Statements and frames of one write transaction."""

    def __init__(self, database: Database, conn: SqlConnection, workspace_id: int) -> None:
        self._db = database
        self._conn = conn
        self.workspace_id = workspace_id
        self.origin, self.actor = "", ""
        """Where what is written comes from and who writes it, for records that keep it."""
        self.at = datetime.now(UTC)
        self._staged: list[str] = []
        self._attached: list[tuple[str, Path]] = []

    def allocate(self, n: int) -> int:
        """Take ``n`` numbers of the workspace's counter; returns the first."""
        last = self._conn.execute(
            text("UPDATE workspace SET seq = seq + :n WHERE id = :w RETURNING seq"), {"n": n, "w": self.workspace_id}
        ).scalar_one()
        return int(last) - n + 1

    def execute(self, sql: str, params: Params | None = None, **more: Any) -> int:
        """Run one statement; the number of rows it touched."""
        return self._conn.execute(text(sql), encode_params({**(params or {}), **more})).rowcount

    def read(self, sql: str, params: Params | None = None, **more: Any) -> pl.DataFrame:
        """Rows of a SELECT inside the transaction."""
        return fetch(self._conn, sql, {**(params or {}), **more})

    def stage(self, frame: pl.DataFrame) -> str:
        """Make the frame a temporary table, for joins and set updates; returns its name."""
        name = f"staged_{len(self._staged)}"
        frame = encode_frame(frame)
        if not self._db.is_sqlite:
            self._copy_in(name, frame)
        elif frame.height < STAGE_BY_FILE_FROM or len(self._attached) == MOST_STAGING_FILES:
            self._insert_many(name, frame)
        else:
            name = self._attach(name, frame)
        self._staged.append(name)
        return name

    def insert(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows; columns that the frame lacks take the table's NULL."""
        self._merge(table, frame, "")

    def upsert(self, table: str, frame: pl.DataFrame, keys: tuple[str, ...]) -> None:
        """Add rows, or overwrite the frame's columns of those that are there by key."""
        sets = [f"{quoted(c)} = excluded.{quoted(c)}" for c in frame.columns if c not in keys]
        action = f"DO UPDATE SET {', '.join(sets)}" if sets else "DO NOTHING"
        self._merge(table, frame, f" ON CONFLICT ({', '.join(map(quoted, keys))}) {action}")

    def update(self, table: str, frame: pl.DataFrame, keys: tuple[str, ...]) -> int:
        """Set the frame's other columns on the rows that its keys name; the number of rows touched."""
        if frame.is_empty():
            return 0
        name = self.stage(frame)
        sets = ", ".join(f"{quoted(c)} = s.{quoted(c)}" for c in frame.columns if c not in keys)
        on = " AND ".join(f"{quoted(table)}.{quoted(k)} = s.{quoted(k)}" for k in keys)
        return self.execute(f"UPDATE {quoted(table)} SET {sets} FROM {name} AS s WHERE {on}")

    def _merge(self, table: str, frame: pl.DataFrame, conflict: str) -> None:
        if frame.is_empty():
            return
        name = self.stage(frame)
        cols = ", ".join(quoted(c) for c in frame.columns)
        # SQLite needs the WHERE to tell the upsert clause from a join condition.
        self.execute(f"INSERT INTO {quoted(table)} ({cols}) SELECT {cols} FROM {name} WHERE true{conflict}")

    def _copy_in(self, name: str, frame: pl.DataFrame) -> None:
        cols = ", ".join(f"{quoted(c.name)} {_pg_type(c)}" for c in frame)
        self.execute(f"CREATE TEMP TABLE {name} ({cols}) ON COMMIT DROP")
        raw: Any = self._conn.connection.driver_connection
        names = ", ".join(map(quoted, frame.columns))
        with raw.cursor().copy(f"COPY {name} ({names}) FROM STDIN") as copy:
            for row in frame.iter_rows():
                copy.write_row(row)
        if frame.height >= ANALYZE_FROM:
            self.execute(f"ANALYZE {name}")

    def _insert_many(self, name: str, frame: pl.DataFrame) -> None:
        raw: Any = self._conn.connection.driver_connection
        raw.execute(f"CREATE TEMP TABLE {name} ({', '.join(map(quoted, frame.columns))})")
        marks = ", ".join("?" * frame.width)
        raw.executemany(f"INSERT INTO {name} VALUES ({marks})", frame.iter_rows())

    def _attach(self, name: str, frame: pl.DataFrame) -> str:
        # The ADBC driver brings an SQLite library of its own. Two libraries in one process must never have the same
        # file open (POSIX locks belong to the process), so Arrow data crosses in a private file that the driver has
        # closed before the standard library attaches it; see docs/adr/0002-staging-file.md.
        # Imported here: it brings pyarrow datasets and pandas along, which commands without bulk need not wait for.
        import adbc_driver_sqlite.dbapi as adbc

        handle, path = tempfile.mkstemp(prefix="syncline-", suffix=".stage")
        os.close(handle)
        # From here on `close` takes the file away, whatever goes wrong.
        self._attached.append((name, Path(path)))
        with adbc.connect(path, autocommit=True) as driver, driver.cursor() as cursor:
            for pragma in ("PRAGMA synchronous = off", "PRAGMA journal_mode = off"):
                cursor.execute(pragma)
                cursor.fetchall()
            cursor.adbc_ingest("t", frame.to_arrow(), mode="create")
        raw: Any = self._conn.connection.driver_connection
        raw.execute(f"ATTACH ? AS {name}", (path,))
        return f"{name}.t"

    def drop_staged(self) -> None:
        """Drop the temporary tables before the commit."""
        if self._db.is_sqlite:
            for name in self._staged:
                if not name.endswith(".t"):
                    self.execute(f"DROP TABLE {name}")
        self._staged.clear()

    def close(self) -> None:
        """Let go of the staging files, once the transaction is over."""
        if not self._attached:
            return
        # It is the connection that took the files; the pool would hand out another one.
        raw: Any = self._conn.connection.driver_connection
        try:
            attached = {row[1] for row in raw.execute("PRAGMA database_list")}
            for name in attached & {name for name, _ in self._attached}:
                raw.execute(f"DETACH {name}")
        finally:
            for _, path in self._attached:
                path.unlink(missing_ok=True)


def fetch(conn: SqlConnection, sql: str, params: Params) -> pl.DataFrame:
    """Rows of a SELECT as a frame; a column without any value is text."""
    result = conn.execute(text(sql), encode_params(params))
    names = list(result.keys())
    rows = result.fetchall()
    frame = pl.DataFrame([tuple(r) for r in rows], schema=names, orient="row", infer_schema_length=None)
    empty = [pl.col(n).cast(pl.String) for n, t in frame.schema.items() if t == pl.Null]
    return decode_frame(frame.with_columns(empty), instants=INSTANTS, booleans=BOOLEANS)


def encode_params(params: Params) -> dict[str, Any]:
    """Datetimes of statement parameters as the codec stores them."""
    return {k: to_micros(v) if isinstance(v, datetime) else v for k, v in params.items()}


def quoted(name: str) -> str:
    """An identifier for SQL; only names from our own tables and frames come here."""
    if '"' in name:
        raise StoreError(f"not a column name: {name}")
    return f'"{name}"'


def _pg_type(column: pl.Series) -> str:
    dtype = column.dtype
    # A column without any value has lost its type on the way; PostgreSQL joins and sets only what is of one type.
    whole = column.name in INTEGERS or column.name in INSTANTS
    if dtype.is_integer() or (whole and column.null_count() == len(column)):
        return "BIGINT"
    if dtype.is_float():
        return "DOUBLE PRECISION"
    if dtype == pl.Boolean:
        return "BOOLEAN"
    if dtype == pl.Binary:
        return "BYTEA"
    return "TEXT"


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode = wal", "synchronous = normal", "busy_timeout = 30000", "foreign_keys = on"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(conn: SqlConnection) -> None:
    # A reader that turns writer in mid-transaction cannot wait for the lock; whoever means to write says so at once.
    writes = conn.get_execution_options().get("writes", False)
    conn.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
