"""Makes the audit tables views of the database, for analysts who come with a database tool of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from core.store.database import Database, quoted

PREFIX = "audit_"
_PLAIN = {
    "runs": "run",
    "results": "record_result",
    "links": "link",
    "open_rows": "open_row",
}
_JOINED = {
    "changes": (
        "change t JOIN plan p ON p.workspace_id = t.workspace_id AND p.plan_id = t.plan_id",
        {"run_id": "p.run_id", "job": "p.job", "made_at": "p.made_at"},
    ),
    "events": (
        "event t LEFT JOIN event_value v ON v.workspace_id = t.workspace_id AND v.event_id = t.id",
        {"body": "v.body"},
    ),
}
_RECORDS = {
    "activities": ("activity", ("kind", "source", "external_id", "occurred_at", "duration_s", "direction",
                                "user_email", "subject", "notes", "outcome", "type", "status", "priority", "due_at",
                                "person_record_id", "account_record_id", "created_at", "updated_at", "deleted_at")),
    "people": ("person", ("source", "external_id", "account_record_id", "name", "title", "company", "email", "phone",
                          "mobile_phone", "owner", "stage", "opted_out_email", "do_not_call", "created_at",
                          "updated_at", "deleted_at")),
    "accounts": ("account", ("source", "external_id", "name", "domain", "website", "phone", "industry", "type", "owner",
                             "city", "state", "country", "created_at", "updated_at", "deleted_at")),
}  # fmt: skip


def make(db: Database, tables: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Make or renew the views; each has ``workspace`` first, and its instants are timestamps in UTC.

    Args:
        db: the store.
        tables: name of each audit table -> its columns with their polars types.

    Returns:
        The names of the views.
    """
    made = statements(tables, is_sqlite=db.is_sqlite)
    with db.writing() as session:
        connection = session.connection()
        for name, sql in made.items():
            connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")
            connection.exec_driver_sql(f"CREATE VIEW {name} AS {sql}")
        session.commit()
    return list(made)


def drop(db: Database) -> None:
    """Take the views away."""
    with db.writing() as session:
        for name in (*_PLAIN, *_JOINED, *_RECORDS):
            session.connection().exec_driver_sql(f"DROP VIEW IF EXISTS {PREFIX}{name}")
        session.commit()


def statements(tables: Mapping[str, Mapping[str, Any]], *, is_sqlite: bool) -> dict[str, str]:
    """Name of each view -> its SELECT."""
    out = {}
    for name, table in _PLAIN.items():
        out[PREFIX + name] = _select(tables[name], {}, f"{table} t", is_sqlite=is_sqlite)
    for name, (source, other) in _JOINED.items():
        out[PREFIX + name] = _select(tables[name], other, source, is_sqlite=is_sqlite)
    for name, (table, columns) in _RECORDS.items():
        out[PREFIX + name] = _records(table, columns, is_sqlite=is_sqlite)
    return out


def _select(types: Mapping[str, Any], other: dict[str, str], source: str, *, is_sqlite: bool) -> str:
    cells = [
        f"{_cell(other.get(c, f't.{quoted(c)}'), isinstance(dtype, pl.Datetime), is_sqlite=is_sqlite)} AS {quoted(c)}"
        for c, dtype in types.items()
    ]
    return f"SELECT w.name AS workspace, {', '.join(cells)} FROM {source} JOIN workspace w ON w.id = t.workspace_id"


def _records(table: str, columns: tuple[str, ...], *, is_sqlite: bool) -> str:
    cells = [
        f"{_cell(f't.{quoted(c)}', c.endswith('_at') and c != 'due_at', is_sqlite=is_sqlite)} AS {quoted(c)}"
        for c in columns
    ]
    linked = "l.org_id, l.sobject, l.how AS linked_how"
    return (
        f"SELECT w.name AS workspace, t.id, {', '.join(cells)}, {linked} FROM {table} t"
        " JOIN workspace w ON w.id = t.workspace_id LEFT JOIN link l ON l.workspace_id = t.workspace_id"
        f" AND l.table_name = '{table}' AND l.record_id = t.id AND l.state = 'active'"
    )


def _cell(column: str, is_instant: bool, *, is_sqlite: bool) -> str:
    if not is_instant:
        return column
    if is_sqlite:
        return f"strftime('%Y-%m-%dT%H:%M:%fZ', {column} / 1000000.0, 'unixepoch')"
    return f"to_timestamp({column} / 1000000.0)"
