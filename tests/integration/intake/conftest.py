"""The databases of the store's contract, on SQLite and PostgreSQL."""

from tests.contract.store.conftest import database, postgres, sqlite_template

__all__ = ["database", "postgres", "sqlite_template"]
