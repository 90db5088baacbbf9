"""The small workspace: on SQLite and on PostgreSQL where a test is about the store, on SQLite alone for the rest."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from core.store.database import Database
from tests.contract.store.conftest import database, postgres, sqlite_template
from tests.integration.audit import world

__all__ = ["database", "filled", "lite", "postgres", "small_template", "sqlite_template"]


@pytest.fixture
def filled(database: Database) -> Database:
    """A database whose first workspace is the small one; the second stays empty."""
    world.fill(database)
    return database


@pytest.fixture(scope="session")
def small_template(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "small.db"
    shutil.copy(sqlite_template, path)
    made = Database(f"sqlite:///{path}")
    world.fill(made)
    made.close()
    return path


@pytest.fixture
def lite(small_template: Path, tmp_path: Path) -> Iterator[Database]:
    """The same on SQLite alone."""
    path = tmp_path / "syncline.db"
    shutil.copy(small_template, path)
    made = Database(f"sqlite:///{path}")
    yield made
    made.close()
