"""Tells SQLite what our tables will look like, so that it plans for them filled and not for a guess.

Without statistics SQLite takes every column of an index for nearly unique: it then finds contact points by workspace
and table, which are all of them, and not by their value. An ANALYZE of an empty database says nothing, and one at any
later moment would change plans from one day to the next. So the numbers are set, by kind of column.
"""

from __future__ import annotations

from sqlalchemy import Index, PrimaryKeyConstraint, Table, UniqueConstraint, text
from sqlmodel import SQLModel

from core.store.database import Database

ROWS = 8_000_000
"""More than the million rows SQLite takes a staged frame for; else it reads a whole table into a filter beforehand."""
_ALIKE = frozenset({"workspace_id"})
_FEW = frozenset(
    {"table_name", "kind", "source", "state", "status", "job", "sobject", "outcome", "cause", "how", "action"}
)
_SHARE_OF_FEW = 8
_PER_RUN = frozenset({"run_id", "plan_id"})
_ROWS_PER_RUN = 2_000
_ROWS_PER_VALUE = 4


def set_statistics(database: Database) -> None:
    """Write the numbers; on PostgreSQL, which counts by itself, nothing."""
    if not database.is_sqlite:
        return
    with database.engine.execution_options(writes=True).connect() as conn, conn.begin():
        conn.execute(text("ANALYZE"))
        conn.execute(text("DELETE FROM sqlite_stat1"))
        for table in SQLModel.metadata.tables.values():
            listed = conn.execute(text("SELECT name FROM pragma_index_list(:t)"), {"t": table.name}).scalars().all()
            for name in listed:
                found = text("SELECT name FROM pragma_index_info(:i) ORDER BY seqno")
                columns = [str(c) for c in conn.execute(found, {"i": name}).scalars()]
                conn.execute(
                    text("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (:t, :i, :s)"),
                    {"t": table.name, "i": name, "s": estimate(columns, is_unique=_is_unique(table, columns))},
                )
        conn.execute(text("ANALYZE sqlite_schema"))  # loads them into this connection


def estimate(columns: list[str], *, is_unique: bool) -> str:
    """SQLite's line for an index: rows of the table, then how many are alike in its first, first two ... columns."""
    alike, numbers = ROWS, [ROWS]
    for column in columns:
        if column in _FEW:
            alike = max(alike // _SHARE_OF_FEW, 1)
        elif column in _PER_RUN:
            alike = min(alike, _ROWS_PER_RUN)
        elif column not in _ALIKE:
            alike = min(alike, _ROWS_PER_VALUE)
        numbers.append(alike)
    if is_unique:
        numbers[-1] = 1
    return " ".join(map(str, numbers))


def _is_unique(table: Table, columns: list[str]) -> bool:
    keys = [c for c in table.constraints if isinstance(c, PrimaryKeyConstraint | UniqueConstraint)]
    unique: list[Index | PrimaryKeyConstraint | UniqueConstraint] = [*keys, *(i for i in table.indexes if i.unique)]
    return any([c.name for c in each.columns] == columns for each in unique)
