"""Brings a database to the current shape."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config

from core.store.database import Database
from core.store.statistics import set_statistics


def config(database: Database) -> Config:
    """Alembic's configuration for this database."""
    made = Config()
    made.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    made.attributes["engine"] = database.engine
    return made


def migrate(database: Database) -> None:
    """Run every migration that the database has not seen."""
    command.upgrade(config(database), "head")
    set_statistics(database)
