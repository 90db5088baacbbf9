"""Brings a database to the current shape, and writes nothing where it has it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import inspect
from sqlmodel import SQLModel

from core.store.database import Database, quoted
from core.store.statistics import estimate, set_statistics

if TYPE_CHECKING:
    from alembic.config import Config

HEAD = "0001"
"""The newest migration: a database that has it is opened without alembic, which takes longer to import than to ask."""
INDEXES = (
    'SELECT m.name AS tbl, i.name AS idx, i."unique" AS is_unique, f.name AS field FROM sqlite_schema m,'
    " pragma_index_list(m.name) i, pragma_index_info(i.name) f WHERE m.type = 'table' ORDER BY i.name, f.seqno"
)


def config(database: Database) -> Config:
    """Alembic's configuration for this database."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["engine"] = database.engine
    return made


def migrate(database: Database) -> None:
    """Run every migration that the database has not seen.

    A database that lacks nothing is only read: opening it waits for nobody who writes.
    """
    if _revision(database) != HEAD:
        from alembic import command

        _drop_views(database)
        command.upgrade(config(database), "head")
    elif _has_statistics(database):
        return
    set_statistics(database)


def _revision(database: Database) -> str | None:
    if not inspect(database.engine).has_table("alembic_version"):
        return None
    found = database.one("SELECT version_num FROM alembic_version")
    return None if found is None else str(found)


def _drop_views(database: Database) -> None:
    """Views stand on columns that a migration may take away; who wants them makes them again."""
    names = (
        "SELECT name FROM sqlite_schema WHERE type = 'view'"
        if database.is_sqlite
        else "SELECT table_name AS name FROM information_schema.views WHERE table_schema = current_schema()"
    )
    for name in database.read(names)["name"]:
        if str(name).startswith("audit_"):
            database.execute(f"DROP VIEW {quoted(str(name))}")


def _has_statistics(database: Database) -> bool:
    """Whether SQLite has the numbers that would be set; PostgreSQL counts by itself."""
    if not database.is_sqlite:
        return True
    if not database.one("SELECT COUNT(*) FROM sqlite_schema WHERE name = 'sqlite_stat1'"):
        return False
    wanted = set()
    for (table, index), part in database.read(INDEXES).group_by("tbl", "idx", maintain_order=True):
        if table in SQLModel.metadata.tables:
            is_unique = bool(part["is_unique"][0])
            wanted.add((table, index, estimate(part["field"].to_list(), is_unique=is_unique)))
    return wanted == set(database.read("SELECT tbl, idx, stat FROM sqlite_stat1").iter_rows())
