"""The small workspace on SQLite and on PostgreSQL."""

from __future__ import annotations

import pytest

from core.store.database import Database
from tests.contract.store.conftest import database, postgres, sqlite_template
from tests.integration.audit import world

__all__ = ["database", "filled", "postgres", "sqlite_template"]


@pytest.fixture
def filled(database: Database) -> Database:
    """A database whose first workspace is the small one; the second stays empty."""
    world.fill(database)
    return database
